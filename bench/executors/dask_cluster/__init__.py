"""Many machines through a Dask scheduler: executor (here), bootstrap and worker (there)."""
