"""What lies in `results/NAME`, and the only thing that measuring and reading share.

schema (what a record is), jsonl (append and read), curves (what a learning curve says), folder (whose folder it is, and
its manifest), lock (one run a folder), ledger (what is recorded already), reuse (trainings of other experiments),
atomic (files written whole or not at all), predictions (what a model said of the test data), doctor (what is damaged).
"""
