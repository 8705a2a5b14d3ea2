"""Training a torch cell. Import `bench.models.torch_learner.learner`: this package itself imports no torch."""
