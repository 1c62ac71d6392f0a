from typing import Any

import pytest
import tiny_vlm
from cards import MACHINE, policy_over

from selfscore.judging.panel import make_judges
from selfscore.judging.settings import JudgingSettings
from selfscore.judging.tfidf import fit_judge
from selfscore.vlm.policy import LoraAdapter, Policy

STATE = fit_judge(["a good sky", "a bad sky", "a good tree", "a bad tree"], [8, 1, 8, 1])
HOSTED = {
    "model": "m", "base_url": "http://127.0.0.1:9/v1", "api_key_env": None, "input_price": 0.0,
    "output_price": 0.0, "max_cost": 1.0, "max_tokens": 32,
    "concurrency": 8, "max_retries": 6, "timeout": 60.0,
}  # fmt: skip
NOWHERE = policy_over("./no/such/model")


def convened(names: list[str], policy: Policy = NOWHERE, **openai: Any) -> list:
    settings = JudgingSettings(
        judges=names,
        sample_size=10,
        self={"reading": "direct", "batch_size": 4},
        openai=HOSTED | openai,
    )
    return make_judges(
        settings, n_levels=10, tfidf_state=STATE, base_policy=policy,
        rating="Rate this picture from 0 (worst) to 9 (best).", verdicts={},
        machine=MACHINE,
    )  # fmt: skip


def test_every_judge_by_name_in_the_order_asked_for(tmp_path) -> None:
    folder = str(tiny_vlm.save_idefics3(tmp_path / "model"))
    policy = policy_over(folder)
    judges = convened(["openai", "tfidf", "self"], policy)
    assert [judge.name for judge in judges] == ["openai", "tfidf", "self"]
    assert judges[2].reading == "direct" and judges[2].batch_size == 4
    for judge in judges[1:]:
        assert judge.infer_levels(["A good sky.", "A bad sky."]).shape == (2,)


def test_a_judge_that_is_not_asked_for_needs_nothing() -> None:
    # Neither is there such a model, nor has the hosted judge all it needs.
    (judge,) = convened(["tfidf"], model=None)
    assert judge.name == "tfidf"


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["gpt"], "'tfidf', 'self' or 'openai'"),
        (["tfidf"] * 2, "one of them twice"),
        ([], "1 item"),
    ],
)
def test_a_wrong_list_is_refused(names: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        convened(names)


def test_a_trained_policy_is_no_frozen_judge() -> None:
    trained = Policy(NOWHERE.card, LoraAdapter({}, {}))
    with pytest.raises(ValueError, match="give it `policy_0`"):
        convened(["self"], trained)
