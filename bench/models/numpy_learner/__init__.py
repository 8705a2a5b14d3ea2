"""The training of the NumPy cells.

layer and stack (the recurrence), head, losses, optimiser, parameters, weights, and learner, which combines them.
"""
