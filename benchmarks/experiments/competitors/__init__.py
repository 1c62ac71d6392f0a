"""What a user would train instead, on the same base model, images and judges."""
