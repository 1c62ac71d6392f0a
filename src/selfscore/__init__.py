"""selfscore: a vision-language model that teaches itself to score images and to explain why."""

__version__ = "0.1.0"
