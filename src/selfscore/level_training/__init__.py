"""Supervised training on the true scores: one LoRA expert that learns the level itself."""
