"""How artifacts are stored: image folders, adapters, policies, and the contracts of the tables."""
