"""Preference optimization: one LoRA expert trained by DPO on one table of pairs."""
