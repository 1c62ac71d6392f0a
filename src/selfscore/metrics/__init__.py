"""Pure functions from numbers and texts to figures: no images, no models, no storage."""
