"""Merging: several LoRA experts into one, on ΔW of the layers they adapt."""
