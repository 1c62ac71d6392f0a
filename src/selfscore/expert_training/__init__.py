"""Training one LoRA expert, whatever it learns: what every training does alike."""
