"""What a run is worth, for people: words, charts and the page. Knows tables; runs no model."""
