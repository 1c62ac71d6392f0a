"""What a loaded policy writes: prefill, token loop, sampling, levels, texts, predictions."""
