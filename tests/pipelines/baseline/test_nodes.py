import numpy as np
import pandas as pd

from selfscore.judging.tfidf import TfidfJudge
from selfscore.pipelines.baseline.nodes import describe_base_policy, fit_consistency_judge


def test_policy_0_is_the_base_model_alone():
    policy = describe_base_policy(
        {"id": "some/model", "revision": "abc", "processor": {}},
        {"levels": 10},
        {"rating": "Rate it.", "justify": "Why {level}?"},
    )
    assert policy.adapter is None
    assert policy.base_model == "some/model"
    assert policy.revision == "abc"
    assert policy.card["iteration"] == 0
    assert policy.card["parent"] is None


def test_the_judge_reads_accepted_texts_only():
    words = ["awful", "poor", "plain", "fine", "great"]
    rows = [
        {
            "image_id": filler,
            "explanation": f"It is {words[level // 2]} {filler}.",
            "level": level,
            "accepted": True,
        }
        for level in range(10)
        for filler in ("here", "there", "now", "then", "again", "indeed")
    ]
    misleading = [
        {"image_id": "x", "explanation": "It is great here.", "level": 0, "accepted": False}
        for _ in range(200)
    ]
    judge = fit_consistency_judge(pd.DataFrame(rows + misleading), {"levels": 10}, seed=0)
    inferred = TfidfJudge(judge).infer_levels(["It is awful here.", "It is great here."])
    assert np.diff(inferred)[0] > 2
    swayed = pd.DataFrame(rows + misleading).assign(accepted=True)
    judge = fit_consistency_judge(swayed, {"levels": 10}, seed=0)
    inferred = TfidfJudge(judge).infer_levels(["It is awful here.", "It is great here."])
    assert np.diff(inferred)[0] < 0
