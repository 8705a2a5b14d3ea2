"""Many trainings of one shape as batched matrix products: for the trials of a search on a GPU."""
