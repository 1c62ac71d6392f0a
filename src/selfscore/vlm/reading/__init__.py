"""What a loaded policy reads: image features, tokens, packed rows, and how likely answers are."""
