"""Whether a model computes packed rows as it computes plain ones: one image, three short rows.

Packed rows rest on three things that an architecture's forward is given: a 4-D attention mask,
positions, and image features in place of pixels. One that leaves any of them aside gives numbers
that look like log-probabilities and are none.

Knows a loaded policy, rows and answers; knows no preference and no training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import torch
from torch import Tensor

from selfscore.vlm.reading.shared_prefix import pack_answers, token_log_probabilities
from selfscore.vlm.reading.tokens import answer_ids, prompt_ids, render
from selfscore.vlm.response import write_response

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from selfscore.vlm.model import VLM
    from selfscore.vlm.reading.features import ImageEncoder

# The longer the first, the further the second is moved where a forward counts places itself.
_ANSWERS = (
    write_response(2, "The picture is blurred and dark. " * 8),
    write_response(7, "It is sharp and the colours are strong."),
)
_passed: WeakSet[PreTrainedModel] = WeakSet()


def check_packing(encoder: ImageEncoder, key: str, instruction: str) -> None:
    """Compare two answers in a packed row with the model's own forward on plain rows.

    A model that passed is not checked again. The mean difference per token of an answer may be up
    to the square root of the dtype's epsilon: 3e-4 in float32, 0.03 in float16, 0.09 in bfloat16.
    Seen on small models: below 1e-6 and 0.003 where all is right, above 0.4 where it is not.

    Args:
        encoder: the policy and its images.
        key: an image.
        instruction: what is asked of it.

    Raises:
        ValueError: the log-probabilities differ.
    """
    vlm = encoder.vlm
    if vlm.model in _passed:
        return
    answers = [answer_ids(vlm, instruction, answer) for answer in _ANSWERS]
    features = encoder([key])
    prompt = prompt_ids(vlm, features[0].placeholder, instruction)
    packed = pack_answers(vlm, [prompt], [answers], features)
    found = token_log_probabilities(vlm, packed, features)[0]
    image = encoder.images[key]
    differences = [
        row[: len(ids)] - _plain_log_probabilities(vlm, image, instruction, ids)
        for row, ids in zip(found, answers, strict=True)
    ]
    # Per answer, because the first one in a row is right whatever becomes of the mask.
    difference = max(float(each.abs().mean()) for each in differences)
    # A model whose weights are no numbers is none of this check's business.
    if difference > torch.finfo(vlm.model.dtype).eps ** 0.5:
        raise ValueError(
            f"{type(vlm.model).__name__} does not compute packed rows as it computes plain ones: "
            f"the log-probabilities of an answer differ by {difference:.2g} a token. Its "
            "forward leaves the 4-D attention mask, the positions or the image features aside. "
            "Choose a model of an architecture that docs/models.md lists."
        )
    _passed.add(vlm.model)


@torch.no_grad()
def _plain_log_probabilities(vlm: VLM, image: Any, instruction: str, answer: list[int]) -> Tensor:
    """Log-probability of each answer token from the processor's own inputs, pixels included."""
    inputs = vlm.processor(
        images=[[image]],
        text=[render(vlm, instruction)],
        add_special_tokens=False,
        return_tensors="pt",
    ).to(vlm.device, dtype=vlm.model.dtype)
    prompt = inputs["input_ids"]
    ids = torch.tensor([answer], device=vlm.device)
    added = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    for name, value in inputs.items():
        # The kinds of tokens: 0 is text.
        if value.shape == prompt.shape:
            more = added.get(name, torch.zeros_like(ids)).to(value.dtype)
            inputs[name] = torch.cat([value, more], dim=1)
    logits = vlm.model(**inputs).logits[0, -len(answer) - 1 : -1].float().log_softmax(dim=-1)
    return logits.gather(-1, ids.T)[:, 0]
