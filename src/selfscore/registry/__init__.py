"""The model registry: what is put there of a run, and which version is in use."""
