"""The measuring side of the gate: trains a baseline's cells on this code. `bench.gate` decides on the results."""
