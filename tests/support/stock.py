"""What the stock libraries compute, one answer a row: what every speed-up is held against."""

import torch

from selfscore.vlm.reading.tokens import render


def encode(vlm, image, instruction, answer):
    """The processor's own inputs for one image, with the tokens of an answer behind the prompt."""
    inputs = vlm.processor(
        images=[[image]],
        text=[render(vlm, instruction)],
        add_special_tokens=False,
        return_tensors="pt",
    )
    if "mm_token_type_ids" in inputs:
        kinds = inputs["mm_token_type_ids"]
        inputs["mm_token_type_ids"] = torch.cat([kinds, kinds.new_zeros(1, len(answer))], dim=1)
    ids = torch.tensor([answer], dtype=torch.long)
    inputs["input_ids"] = torch.cat([inputs["input_ids"], ids], dim=1)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    return inputs


def token_log_probabilities(vlm, image, instruction, answer):
    """Log-probability of each token of one answer, by a forward pass of the whole model."""
    logits = vlm.model(**encode(vlm, image, instruction, answer)).logits[0]
    before = logits[-len(answer) - 1 : -1].log_softmax(dim=-1)
    return before.gather(-1, torch.tensor(answer)[:, None])[:, 0]
