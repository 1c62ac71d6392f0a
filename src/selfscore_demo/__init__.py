"""The demo's own world: faults of known severity, words about them, raters, a small model.

Only the pipelines ``demo_images`` and ``demo_model`` import this package.
"""
