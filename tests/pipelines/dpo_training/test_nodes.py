import pandas as pd
import pytest
import small_training
import tiny_vlm
from cards import MACHINE, policy_over
from images import coloured_images

from selfscore.pipelines.dpo_training.nodes import train_expert, with_reference
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.log_probabilities import answer_log_probabilities
from selfscore.vlm.response import write_response

SIDES = ("chosen", "rejected")


def reference_logps(pairs):
    answers = [pairs[["path", side]].set_axis(["path", "response"], axis=1) for side in SIDES]
    table = pd.concat(answers).drop_duplicates().sort_values("response")
    return table.assign(logp=[-float(n) for n in range(1, len(table) + 1)])


def test_every_answer_gets_its_own_reference():
    pairs = pd.DataFrame(
        {"path": ["a", "b", "a"], "chosen": ["x", "x", "z"], "rejected": ["y", "z", "x"]}
    )
    references = reference_logps(pairs)
    known = {(row.path, row.response): row.logp for row in references.itertuples()}
    for row in with_reference(pairs, references).itertuples():
        assert row.ref_chosen_logps == known[row.path, row.chosen]
        assert row.ref_rejected_logps == known[row.path, row.rejected]


def test_a_reference_of_other_pairs_is_refused():
    pairs = pd.DataFrame({"path": ["a", "b"], "chosen": "x", "rejected": "y"})
    references = reference_logps(pairs.head(1))
    with pytest.raises(ValueError, match=r"answers about 'b' \(1 of 2 pairs\)"):
        with_reference(pairs, references)


def test_an_expert_is_trained_by_its_settings(tmp_path):
    images = coloured_images(4)
    pairs = pd.DataFrame(
        {
            "path": list(images),
            "chosen": write_response(3, "The picture is sharp."),
            "rejected": write_response(8, "It is blurred."),
        }
    )
    folder = tiny_vlm.save_idefics3(tmp_path)
    policy = policy_over(folder)
    features = StoredFeatures(policy.card.base_model.record(), {})
    answers = pairs[list(SIDES)].to_numpy().tolist()
    encoder = ImageEncoder(load_vlm(policy), images)
    weights = answer_log_probabilities(encoder, list(images), answers, "Rate it.", 4)
    references = pd.concat(
        pd.DataFrame({"path": list(images), "response": pairs[side], "logp": logps})
        for side, logps in zip(SIDES, zip(*weights, strict=True), strict=True)
    )
    settings = small_training.settings(lr=1e-3, epochs=1, batch_size=2, rank=2)
    adapter, log = train_expert(
        policy, pairs, references, images, features, settings, MACHINE, 0, {}
    )
    assert adapter.config["r"] == 2
    assert len(log) >= 1
