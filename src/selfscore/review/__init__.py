"""Preference pairs that people read: which ones, what they say of them, what comes of it."""
