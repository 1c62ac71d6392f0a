"""The preference data: which wrong level to force, which texts to keep, which pairs to build."""
