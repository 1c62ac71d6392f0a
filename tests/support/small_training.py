"""Trainings of a tiny model that take a second or two."""

import pandas as pd
import tiny_vlm
import torch

from selfscore.preference_optimization.settings import DPOSettings
from selfscore.preference_optimization.training import train_dpo_expert
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.log_probabilities import answer_log_probabilities
from selfscore.vlm.response import write_response

IMAGES = tiny_vlm.pictures(11)


# Settings that learn fast.
VALUES = {
    "beta": 0.3,
    "lr": 5e-3,
    "rank": 4,
    "alpha": 8,
    "epochs": 6,
    "batch_size": 4,
    "accumulation_steps": 1,
    "gradient_checkpointing": False,
    "rpo_alpha": 0.0,
    "score_weight": 0.0,
    "stray_weight": 0.0,
    "loss_type": "sigmoid",
    "warmup_ratio": 0.1,
    "max_grad_norm": 1.0,
    "targets": "language_model",
    "checkpoint_steps": 20,
}


def settings(**changes):
    """`VALUES` with what differs."""
    return DPOSettings(**VALUES | changes)


def pairs(count=8):
    """One pair for each of the first images."""
    chosen = write_response(3, "The picture is sharp.")
    rejected = write_response(8, "It is blurred and dark.")
    return pd.DataFrame({"path": list(IMAGES)[:count], "chosen": chosen, "rejected": rejected})


def weighed(policy, table):
    """The pairs with the reference's log-probabilities."""
    answers = table[["chosen", "rejected"]].to_numpy().tolist()
    weights = answer_log_probabilities(encoder(policy), list(table["path"]), answers, "Rate it.", 4)
    chosen, rejected = zip(*weights, strict=True)
    return table.assign(ref_chosen_logps=chosen, ref_rejected_logps=rejected)


def encoder(policy):
    """A freshly loaded model with the images."""
    return ImageEncoder(load_vlm(policy), IMAGES)


def train(policy, table, settings, checkpoint=None, seed=0):
    """Adapter and log of a training that begins with a freshly loaded model."""
    checkpoint = {} if checkpoint is None else checkpoint
    return train_dpo_expert(encoder(policy), table, "Rate it.", settings, seed, checkpoint)


def assert_same(one, other):
    """Two adapters and their logs are the same to the last bit."""
    assert one[0].config == other[0].config
    assert one[0].tensors.keys() == other[0].tensors.keys()
    for name, tensor in other[0].tensors.items():
        assert torch.equal(one[0].tensors[name], tensor), name
    pd.testing.assert_frame_equal(one[1], other[1], check_exact=True)
