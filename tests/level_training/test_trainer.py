"""One joint row gives the gradients that rows of their own give."""

import numpy as np
import pytest
import small_levels
import torch
from peft import LoraConfig
from small_training import IMAGES, encoder
from transformers import TrainingArguments

from selfscore.expert_training.targets import lora_targets
from selfscore.level_training.trainer import LevelTrainer
from selfscore.vlm.reading.stray_tokens import stray_tokens
from selfscore.vlm.reading.tokens import answer_ids, level_strings, render
from selfscore.vlm.response import write_response


def trainer(policy, folder, table, validation=(), **changes):
    """A trainer whose adapter is not what it was before, and its rows."""
    start = encoder(policy)
    adapter = LoraConfig(
        r=4, lora_alpha=8, target_modules=lora_targets(start.vlm.model, "language_model")
    )
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=4,
        use_cpu=True,
        report_to="none",
        remove_unused_columns=False,
    )
    rows = table.assign(name=table["path"], spread=0.0).to_dict("records")
    options = small_levels.settings(**changes)
    made = LevelTrainer(start, "Rate it.", options, adapter, arguments, rows, validation, [])
    # B is zero at first, and A without a gradient.
    torch.manual_seed(1)
    for name, weight in made.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.05)
    return made, rows


def gradients(made, loss):
    made.model.zero_grad()
    loss.backward()
    return {
        name: weight.grad.clone()
        for name, weight in made.model.named_parameters()
        if weight.grad is not None
    }


def distributions(vlm, path, ids):
    """Log-probabilities at each token behind the prompt, by the model's own forward, plainly."""
    inputs = vlm.processor(
        images=[[IMAGES[path]]],
        text=[render(vlm, "Rate it.")],
        add_special_tokens=False,
        return_tensors="pt",
    )
    answer = torch.tensor([ids])
    inputs["input_ids"] = torch.cat([inputs["input_ids"], answer], dim=1)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    if "mm_token_type_ids" in inputs:
        kinds = inputs["mm_token_type_ids"]
        inputs["mm_token_type_ids"] = torch.cat([kinds, torch.zeros_like(answer)], dim=1)
    return vlm.model(**inputs).logits[0, -len(ids) - 1 : -1].float().log_softmax(dim=-1)


def log_probabilities(vlm, path, ids):
    """Of each token behind the prompt."""
    return distributions(vlm, path, ids).gather(-1, torch.tensor([ids]).T)[:, 0]


def plainly(vlm, rows, settings, written, before):
    """The loss from the definition, a pass for every string; `before` as the policy was."""
    levels = len(rows[0]["target"])
    start, strings = level_strings(vlm, "Rate it.", levels)
    scores, texts, broken = [], [], []
    for row in rows:
        each = [
            log_probabilities(vlm, row["path"], [*start, *(ids if levels > 10 else ids[:1])])
            for ids in strings
        ]
        scores.append(torch.stack([tokens[len(start) :].sum() for tokens in each]))
        if written and row["response"]:
            ids = answer_ids(vlm, "Rate it.", row["response"])
            mine = distributions(vlm, row["path"], ids)
            with torch.no_grad():
                other = distributions(before, row["path"], ids)
            tokens = torch.nn.functional.kl_div(mine, other, log_target=True, reduction="none")
            tokens = tokens.sum(dim=-1)
            level = len(start), len(start) + len(strings[row["level"]]) - 1
            texts.append(torch.cat([tokens[: level[0]], tokens[level[1] :]]))
            stray = stray_tokens(vlm)
            words = [place for place, token in enumerate(ids) if not stray[token]]
            broken.append(-(1 - mine[words][:, stray].exp().sum(dim=-1)).log())
    log_p = torch.stack(scores)
    target = torch.tensor([list(row["target"]) for row in rows])
    expected = log_p.softmax(dim=-1) @ torch.arange(levels).float()
    loss = (torch.xlogy(target, target) - target * log_p).sum() / len(rows)
    pairs = []
    for a in range(len(rows)):
        for b in range(a):
            ahead = torch.special.ndtr((expected[a] - expected[b]) / 2**0.5)
            pairs.append(
                1 - (ahead if rows[a]["position"] > rows[b]["position"] else 1 - ahead).sqrt()
            )
    loss = loss + settings.fidelity_weight * torch.stack(pairs).mean()
    loss = loss - settings.unscored_weight * log_p.exp().sum(dim=-1).log().mean()
    if not texts:
        return loss
    loss = loss + settings.text_weight * torch.cat(texts).mean()
    return loss + settings.stray_weight * torch.cat(broken).mean()


@pytest.mark.parametrize("levels", [10, 12])
@pytest.mark.parametrize("written", [True, False])
def test_loss_and_gradients_are_those_of_plain_rows(idefics3, tmp_path, levels, written):
    table = small_levels.examples(4, levels)
    made, rows = trainer(
        idefics3,
        tmp_path,
        table,
        fidelity_weight=0.7,
        text_weight=0.6,
        stray_weight=0.8,
        unscored_weight=0.9,
    )
    made.state.global_step = 0 if written else 1
    vlm = made._encoder.vlm
    made.model.eval()
    joint = made.compute_loss(made.model, {"rows": rows})
    found = gradients(made, joint)
    plain = plainly(vlm, rows, made._settings, written, encoder(idefics3).vlm)
    expected = gradients(made, plain)
    assert float(joint.detach()) == pytest.approx(float(plain.detach()), rel=1e-5)
    assert found.keys() == expected.keys() and len(found) > 4
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=2e-6)


def test_what_follows_the_score_does_not_change_what_it_learns(idefics3, tmp_path):
    """The score's own gradient, with a text of any length behind it and with none."""
    found = []
    for text in ("", "It is sharp.", "The picture is blurred and dark. It is sharp."):
        table = small_levels.examples(4)
        table["response"] = [write_response(n, text) if text else "" for n in table["level"]]
        made, rows = trainer(idefics3, tmp_path, table)
        made.state.global_step = 0
        parts, _ = made._losses(rows, written=bool(text))
        found.append(gradients(made, parts["divergence"] + parts["fidelity"]))
    for other in found[1:]:
        for name, gradient in found[0].items():
            torch.testing.assert_close(other[name], gradient, rtol=1e-4, atol=1e-6)


def test_the_error_on_validation_images_is_that_of_their_expected_levels(idefics3, tmp_path):
    """The mean distance in levels, whatever the batches: those of 4 and of 3 images here."""
    rows = (
        small_levels.held_out(np.linspace(0.2, 8.7, 7))
        .assign(spread=0.0, name="")
        .to_dict("records")
    )
    made, _ = trainer(idefics3, tmp_path, small_levels.examples(4), rows)
    with torch.no_grad():
        levels = torch.cat([made._read([row], written=False)[0] for row in rows]).exp().numpy()
    expected = levels @ np.arange(levels.shape[1]) / levels.sum(axis=1)
    distances = np.abs(expected - [row["position"] for row in rows])
    assert made.validation_error() == pytest.approx(distances.mean(), rel=1e-5)
