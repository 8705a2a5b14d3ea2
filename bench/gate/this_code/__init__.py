"""The measuring side of the gate: trains a baseline's cells on this code. What follows from it is `bench.gate`'s."""
