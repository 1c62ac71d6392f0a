"""New images in, scores and explanations out: the command, the web page and the Python API.

from selfscore.scoring import Scorer

for image in Scorer.load("data/06_models/policy_2").score(["a.jpg", "b.jpg"]):
    print(image.name, image.score, image.explanation)
"""

from selfscore.scoring.results import ScoredImage
from selfscore.scoring.scorer import Scorer

__all__ = ["ScoredImage", "Scorer"]
