from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.performance.memory_budget import (  # noqa: E402
    MODELS,
    LiveBytes,
    generation_bytes,
    training_bytes,
    weight_bytes,
)

PUBLISHED = {
    "smolvlm_256m": 0.256e9,
    "smolvlm_500m": 0.507e9,
    "llava_onevision_0_5b": 0.894e9,
    "llava_onevision_7b": 8.03e9,
    "qwen2_5_vl_3b": 3.75e9,
    "qwen2_5_vl_7b": 8.29e9,
}
SMALL = replace(
    MODELS[0],
    text={
        **MODELS[0].text,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "num_hidden_layers": 2,
        "vocab_size": 500,
    },
    vision={**MODELS[0].vision, "num_hidden_layers": 1},
    image_tokens=100,
)


def test_tensors_are_counted_from_birth_to_death():
    before = torch.zeros(1000)
    with LiveBytes() as live:
        assert live.now == 0
        view = before[10:]
        assert live.now == 0
        one = view + 1
        assert live.now == one.untyped_storage().nbytes()
        two = one.clone()
        two.add_(1)
        del one
        assert live.now == two.untyped_storage().nbytes()
    assert live.peak == 2 * two.untyped_storage().nbytes()


def test_what_autograd_keeps_is_alive_until_the_backward_pass():
    weight = nn.Parameter(torch.randn(50, 50))
    x = torch.randn(10, 50)
    with LiveBytes() as live:
        loss = (x @ weight).relu().relu().sum()
        kept = live.now
        loss.backward()
        del loss
        assert live.now == weight.grad.nbytes
    # Two outputs of relu, and the loss; the product itself is not needed again.
    assert kept == 2 * 10 * 50 * 4 + 4


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_configurations_are_those_of_the_published_models(model):
    assert weight_bytes(model) / 2 == pytest.approx(PUBLISHED[model.name], rel=0.01)
    assert 0.25 < weight_bytes(model, quantised=True) / weight_bytes(model) < 0.8


def test_a_step_grows_with_pairs_and_layers_and_shrinks_with_checkpointing():
    plain = training_bytes(SMALL, 2, checkpointing=False)
    assert training_bytes(SMALL, 2, checkpointing=True) < plain
    assert training_bytes(SMALL, 4, checkpointing=False) > 1.8 * plain
    text = {**SMALL.text, "num_hidden_layers": 4}
    assert training_bytes(replace(SMALL, text=text), 2, checkpointing=False) > 1.6 * plain


def test_keys_and_values_are_counted_per_token():
    more = generation_bytes(SMALL, 8) - generation_bytes(SMALL, 4)
    assert generation_bytes(SMALL, 12) - generation_bytes(SMALL, 8) == more
    # Two bytes of a key and a value, two heads of 16, two layers, in four texts and two prompts.
    prompt = SMALL.image_tokens + 60
    cache = 2 * 2 * 2 * 16 * 2 * (4 * (prompt + 128) + 2 * prompt)
    assert more == cache + 2 * 2 * prompt * (3 * 96 + 4 * 64)
