import re

import pytest
import torch

from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.log_probabilities import answer_log_probabilities
from selfscore.vlm.reading.packing_check import check_packing


def without(vlm, name):
    """The model's backbone as if its forward did not know an argument that packed rows need."""

    def forget(module, args, kwargs):
        packed = kwargs.get("mm_encoder_outputs") is not None
        return args, {**kwargs, name: None} if packed else kwargs

    vlm.model.base_model.register_forward_pre_hook(forget, with_kwargs=True)
    return vlm


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_known_architecture_passes(policy, images, dtype):
    vlm = load_vlm(policy)
    vlm.model.to(dtype)
    check_packing(ImageEncoder(vlm, images), "1.png", "Rate it.")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["attention_mask", "position_ids"])
def test_a_forward_that_leaves_a_part_of_the_packing_aside_is_refused(policy, images, name, dtype):
    vlm = without(load_vlm(policy), name)
    vlm.model.to(dtype)
    architecture = type(vlm.model).__name__
    with pytest.raises(ValueError, match=rf"{re.escape(architecture)} does not .* differ by \d"):
        check_packing(ImageEncoder(vlm, images), "1.png", "Rate it.")


def test_the_reference_pass_checks_first_and_once(policy, images):
    encoder = ImageEncoder(load_vlm(policy), images)
    rows = []
    encoder.vlm.model.register_forward_hook(lambda module, inputs, output: rows.append(1))
    for _ in range(2):
        answer_log_probabilities(encoder, ["0.png"], [["It is sharp."]], "Rate it.", 1)
    assert len(rows) == 2, "the two plain rows, whole model, are run once"
    assert answer_log_probabilities(encoder, [], [], "Rate it.", 1) == []
    broken = ImageEncoder(without(load_vlm(policy), "attention_mask"), images)
    with pytest.raises(ValueError, match="plain ones"):
        answer_log_probabilities(broken, ["0.png"], [["It is sharp."]], "Rate it.", 1)
