"""From a policy to weights in memory: base model, adapters folded in, devices, 4 bits."""
