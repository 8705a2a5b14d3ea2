"""How the NumPy cells learn.

layer and stack (the recurrence), head, losses, optimiser, parameters, weights, and learner, which puts them together.
"""
