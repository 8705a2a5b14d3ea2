"""One training: a request in, a record out.

request (what decides the outcome), data (splits, batches, hashes), evaluations (how often), plateau (the learning-rate
schedule), loop (steps and evaluations), train (from request to record), jobs (what a worker does), checkpoint (trained
models on disk), predict (a trained model on new data).
"""
