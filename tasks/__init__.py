"""Tasks: make sequences, score predictions. NumPy only; knows nothing of models or of `bench`."""
