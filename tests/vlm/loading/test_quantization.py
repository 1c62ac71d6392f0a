import re

import pytest
import stock
import tiny_vlm
import torch
from cards import policy_over
from transformers.utils import is_bitsandbytes_available

from selfscore.expert_training.targets import lora_targets
from selfscore.vlm.loading.loader import decoder_name, load_vlm
from selfscore.vlm.loading.quantization import quantise, quantization_config
from selfscore.vlm.reading.features import compute_features


def test_only_the_decoders_linear_layers_are_quantised(vlm):
    config = quantization_config(vlm.model, decoder_name(vlm.model))
    assert config.load_in_4bit and config.bnb_4bit_quant_type == "nf4"
    assert config.bnb_4bit_compute_dtype == vlm.model.dtype
    linear = {name for name, part in vlm.model.named_modules() if isinstance(part, torch.nn.Linear)}
    kept = {
        name
        for name in linear
        if any(re.match(pattern, name) for pattern in config.llm_int8_skip_modules)
    }
    assert linear - kept == set(lora_targets(vlm.model, "language_model"))


@pytest.mark.qlora
@pytest.mark.skipif(
    not is_bitsandbytes_available(), reason="bitsandbytes is not installed: see docs/recipes.md"
)
def test_a_quantised_model_is_the_folded_one_with_rounded_weights(tmp_path):
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn import Linear4bit

    folder = str(tiny_vlm.save_idefics3(tmp_path, wide=True))
    policy = policy_over(folder)
    vlm, rounded = load_vlm(policy), load_vlm(policy)
    decoder = decoder_name(vlm.model)
    model = quantise(load_vlm(policy).model, decoder, vlm.device)
    quantised = type(vlm)(model.eval(), vlm.processor)
    names = lora_targets(vlm.model, "language_model")
    assert lora_targets(model, "language_model") == names
    assert {name for name, part in model.named_modules() if isinstance(part, Linear4bit)} == set(
        names
    )
    assert model.name_or_path == folder
    assert model.generation_config.eos_token_id == vlm.model.generation_config.eos_token_id
    for name in names:
        weight = model.get_submodule(name).weight
        plain = dequantize_4bit(weight.data, weight.quant_state)
        original = rounded.model.get_submodule(name).weight
        # NF4 of normal weights: about a tenth of their size.
        assert 0.05 < (plain - original).norm() / original.norm() < 0.12
        original.data = plain
    images = tiny_vlm.pictures(1)
    inputs = stock.encode(vlm, images["0.png"], "Rate it.", [])
    with torch.inference_mode():
        found, expected, unrounded = (
            each.model(**inputs).logits for each in (quantised, rounded, vlm)
        )
    # bitsandbytes computes in bfloat16 on a CPU.
    error = (found - expected).norm() / expected.norm()
    assert error < 0.03 < 3 * error < (unrounded - expected).norm() / expected.norm()
    stored = [compute_features(each, images, ["0.png"])[0].tokens for each in (vlm, quantised)]
    assert torch.equal(*stored)
