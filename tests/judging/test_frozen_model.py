import numpy as np
import pytest
import tiny_vlm
import torch
from cards import policy_over
from interrupted import killed_and_begun_again

from selfscore.judging.frozen_model import QUESTION, FrozenModelJudge
from selfscore.vlm.loading.loader import load_vlm

RATING = "Rate this picture from 0 (worst) to 9 (best) and explain."
TEXTS = [
    "The picture is sharp.",
    "The colours are strong. The picture is sharp and it is blurred. The colours are strong.",
    "",
    "It is blurred.",
    "The picture is sharp.",
]


@pytest.fixture(scope="module", params=["idefics3", "llava"])
def vlm(request, tmp_path_factory):
    save = {"idefics3": tiny_vlm.save_idefics3, "llava": tiny_vlm.save_llava}[request.param]
    folder = save(tmp_path_factory.mktemp(request.param))
    return load_vlm(policy_over(folder))


def log_probabilities(vlm, text: str) -> tuple[list[int], torch.Tensor]:
    """Tokens of one unpadded text, and what the model gives every next token."""
    ids = vlm.tokenizer(text, add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        logits = vlm.model(input_ids=torch.tensor([ids])).logits
    return ids, logits[0].double().log_softmax(dim=-1)


def direct_by_hand(vlm, text: str, n_levels: int) -> float:
    """Expected level after the question, a level and text at a time, the template written out."""
    start = f"User: {QUESTION.format(explanation=text, rating=RATING)}<end_of_utterance>\n"
    start += "Assistant: #Score: "
    before = len(vlm.tokenizer(start, add_special_tokens=False)["input_ids"])
    # One token needs no end; several are told from shorter ones by theirs.
    end = "" if n_levels <= 10 else "\n"
    scores = []
    for level in range(n_levels):
        ids, told = log_probabilities(vlm, f"{start}{level}{end}")
        scores.append(sum(float(told[i - 1, ids[i]]) for i in range(before, len(ids))))
    likelihoods = np.exp(np.array(scores) - max(scores))
    return float(likelihoods @ np.arange(n_levels) / likelihoods.sum())


def channel_by_hand(vlm, text: str, n_levels: int) -> float:
    """Expected level by Bayes' rule, a level and text at a time."""
    scores = []
    for level in range(n_levels):
        start = f"User: {RATING}<end_of_utterance>\nAssistant: #Score: {level}\n#Explanation:"
        before = len(vlm.tokenizer(start, add_special_tokens=False)["input_ids"])
        ids, told = log_probabilities(vlm, f"{start} {text}" if text else start)
        scores.append(sum(float(told[i - 1, ids[i]]) for i in range(before, len(ids))))
    likelihoods = np.exp(np.array(scores) - max(scores))
    return float(likelihoods @ np.arange(n_levels) / likelihoods.sum())


@pytest.mark.parametrize("reading", ["direct", "channel"])
@pytest.mark.parametrize("n_levels", [10, 5, 12])
def test_levels_are_what_single_unpadded_texts_give(vlm, reading, n_levels) -> None:
    by_hand = {"direct": direct_by_hand, "channel": channel_by_hand}[reading]
    expected = np.array([by_hand(vlm, text, n_levels) for text in TEXTS])
    no_text, middle = expected[TEXTS.index("")], (n_levels - 1) / 2
    for batch_size in (1, 3, 64):
        judge = FrozenModelJudge(vlm, RATING, n_levels, reading, batch_size)
        inferred = judge.infer_levels(TEXTS)
        np.testing.assert_allclose(
            inferred, np.clip(middle + expected - no_text, 0, n_levels - 1), atol=1e-4
        )
    # No text at all says nothing, and different texts say different things.
    assert inferred[TEXTS.index("")] == pytest.approx(middle)
    assert inferred[0] == inferred[4]
    assert len(set(inferred.round(6))) == 4


@pytest.mark.parametrize("reading", ["direct", "channel"])
def test_a_written_score_is_not_read(vlm, reading) -> None:
    judge = FrozenModelJudge(vlm, RATING, 10, reading)
    plain, leaking = judge.infer_levels(["It is blurred.", "It is Score 9 blurred. nine"])
    assert leaking == plain
    assert judge.infer_levels([]).shape == (0,)
    assert judge.infer_levels([""]) == pytest.approx(4.5)


@pytest.mark.parametrize(("reading", "stored"), [("direct", 1), ("channel", 5)])
def test_killed_it_goes_on_with_the_next_batch(vlm, reading, stored) -> None:
    seen = []
    hook = vlm.model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(len(kwargs["input_ids"])), with_kwargs=True
    )

    def work(checkpoint=None):
        return FrozenModelJudge(vlm, RATING, 10, reading, 3, checkpoint).infer_levels(TEXTS)

    try:
        whole, in_one_go = work(), seen.copy()
        again = killed_and_begun_again(work, stored, seen.clear)
    finally:
        hook.remove()
    np.testing.assert_array_equal(again, whole)
    assert 0 < sum(seen) < sum(in_one_go)


def test_the_demo_model_reads_its_own_kind_of_text(project) -> None:
    folder = str(project / "data/06_models/demo_model")
    judge = FrozenModelJudge(
        load_vlm(policy_over(folder)),
        "Rate the quality of this picture from 0 (worst) to 9 (best) and explain the score.",
        n_levels=10,
    )
    bad, fair, good = judge.infer_levels(
        [
            "The picture is badly compressed. The photo is very noisy. It is a terrible picture.",
            "The picture is sharp. The photo is very noisy. It is a fair picture.",
            "The picture is sharp. The photo is clean. It is a superb picture.",
        ]
    )
    assert bad < 2 < fair < 6 and good > 7
