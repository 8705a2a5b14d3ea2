"""One training: from a request to a record.

request (everything that decides the outcome), data (splits, batches, hashes), evaluations (their number), plateau (the
learning-rate schedule), loop (steps and evaluations), train (from request to record), jobs (the work of a worker),
checkpoint (trained models on disk), predict (a trained model on new data).
"""
