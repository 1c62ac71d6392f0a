"""The fixtures of a whole run in miniature."""

from miniature_run import report_on, reported  # noqa: F401
