"""A policy or a round for somebody else: packed, verified from itself, run again."""
