"""What surrounds a run: how it is stopped, what its errors say, and how its progress is shown.

Knows Kedro's session and runners, signals and files; knows no pipeline and no model.
"""
