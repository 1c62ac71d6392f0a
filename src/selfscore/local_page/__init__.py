"""A web page on this machine: who may ask it, and how it is served. Knows no content."""
