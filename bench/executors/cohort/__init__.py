"""Many trainings at once on one GPU.

cohort (turns), gpu, size, rate, and the process that they share (process, worker, executor).
"""
