"""The packed trainer against TRL's own: same losses, metrics and gradients from fewer tokens."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import tiny_vlm
import torch
from datasets import Dataset
from peft import LoraConfig
from stock import encode, token_log_probabilities
from trl import DPOConfig, DPOTrainer

from selfscore.expert_training.targets import lora_targets
from selfscore.preference_optimization.shared_prefix_trainer import (
    PackedPairCollator,
    SharedPrefixDPOTrainer,
)
from selfscore.vlm.loading.loader import decoder_name, load_vlm
from selfscore.vlm.reading.features import ImageEncoder, store_features
from selfscore.vlm.reading.log_probabilities import answer_log_probabilities
from selfscore.vlm.reading.stray_tokens import stray_tokens
from selfscore.vlm.reading.tokens import answer_ids
from selfscore.vlm.response import write_response

IMAGES = tiny_vlm.pictures(4)
INSTRUCTION = "Rate it."
# Different lengths; a scoring pair, two consistency pairs, and one side that the other begins with.
PAIRS = pd.DataFrame(
    {
        "path": list(IMAGES),
        "chosen": [
            write_response(3, "The picture is sharp and the colours are strong."),
            write_response(5, "It is sharp."),
            write_response(7, "It is blurred."),
            write_response(1, "It is."),
        ],
        "rejected": [
            write_response(8, "It is blurred."),
            write_response(5, "The colours are strong. It is blurred."),
            write_response(7, "It is blurred. It is sharp."),
            write_response(9, "The score is the picture."),
        ],
    }
)


def load(policy):
    vlm = load_vlm(policy)
    # TRL trains on the line break behind the end of a turn, which is never generated and which
    # this project leaves out; without it both train on the same tokens.
    vlm.processor.chat_template = tiny_vlm.TEMPLATE.replace(
        "<end_of_utterance>\n", "<end_of_utterance>"
    )
    return vlm


def arguments(folder, **changes):
    return DPOConfig(
        output_dir=str(folder),
        max_length=None,
        bf16=False,
        use_cpu=True,
        gradient_checkpointing=False,
        remove_unused_columns=False,
        report_to="none",
        seed=0,
        **{
            "per_device_train_batch_size": len(PAIRS),
            "beta": 0.3,
            "loss_type": ["sigmoid", "sft"],
            "loss_weights": [1.0, 0.5],
            "learning_rate": 1e-3,
        }
        | changes,
    )


def trainer(
    kind,
    vlm,
    folder,
    targets="language_model",
    learns_start=True,
    score_weight=0.0,
    stray_weight=0.0,
    **changes,
):
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=lora_targets(vlm.model, targets))
    if kind is DPOTrainer:
        rows = [
            {
                "images": [IMAGES[row.path]],
                "prompt": [{"role": "user", "content": INSTRUCTION}],
                "chosen": [{"role": "assistant", "content": row.chosen}],
                "rejected": [{"role": "assistant", "content": row.rejected}],
            }
            for row in PAIRS.itertuples()
        ]
        made = DPOTrainer(
            model=vlm.model,
            args=arguments(folder, **changes),
            train_dataset=Dataset.from_list(rows),
            processing_class=vlm.processor,
            peft_config=lora,
        )
    else:
        table = PAIRS.assign(images=[[path] for path in PAIRS["path"]])
        made = SharedPrefixDPOTrainer(
            model=vlm.model,
            args=arguments(folder, **changes),
            train_dataset=Dataset.from_pandas(table.drop(columns="path")),
            data_collator=PackedPairCollator(
                ImageEncoder(vlm, IMAGES), INSTRUCTION, targets == "language_model"
            ),
            processing_class=vlm.processor,
            peft_config=lora,
            learns_start=learns_start,
            score_weight=score_weight,
            stray_weight=stray_weight,
        )
    generator = torch.Generator().manual_seed(1)
    for name, parameter in made.model.named_parameters():
        if "lora_B" in name:  # zero at the start, where A has no gradient
            parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    return made


def step(made):
    """Loss, logged metrics and gradients of one batch."""
    batch = made.data_collator([dict(row) for row in made.train_dataset])
    made.model.train()
    loss = made.compute_loss(made.model, made._prepare_inputs(batch))
    loss.backward()
    metrics = {name: values[-1] for name, values in made._metrics["train"].items()}
    gradients = {
        name: parameter.grad
        for name, parameter in made.model.named_parameters()
        if parameter.requires_grad
    }
    return loss.detach(), metrics, gradients


@pytest.mark.parametrize("loss_type", ["sigmoid", "ipo", "hinge", "apo_zero"])
def test_loss_metrics_and_gradients_are_those_of_two_rows(policy, tmp_path, loss_type):
    changes = {"loss_type": [loss_type, "sft"]}
    stock, ours = (
        step(trainer(kind, load(policy), tmp_path, **changes))
        for kind in (DPOTrainer, SharedPrefixDPOTrainer)
    )
    torch.testing.assert_close(ours[0], stock[0], rtol=1e-5, atol=1e-6)
    assert stock[1]["logps/chosen"] != stock[1]["logps/rejected"]
    for name, value in stock[1].items():
        if name != "num_tokens":
            assert ours[1][name] == pytest.approx(value, rel=1e-4, abs=1e-5), name
    assert ours[1]["num_tokens"] < 0.7 * stock[1]["num_tokens"]
    assert ours[2].keys() == stock[2].keys()
    for name, gradient in stock[2].items():
        size = float(gradient.abs().max())
        assert size > 0, name
        torch.testing.assert_close(ours[2][name], gradient, rtol=1e-5, atol=1e-5 * size, msg=name)


def test_what_both_answers_begin_with_is_not_learnt_where_that_is_asked_for(policy, tmp_path):
    vlm = load(policy)
    changes = {"loss_type": ["sft"], "loss_weights": [1.0]}
    made = trainer(SharedPrefixDPOTrainer, vlm, tmp_path, learns_start=False, **changes)
    loss, _, found = step(made)
    found = {name: gradient.clone() for name, gradient in found.items()}
    made.model.zero_grad()
    own, every, tokens = 0.0, 0.0, 0
    for row in PAIRS.itertuples():
        chosen, rejected = (
            answer_ids(vlm, INSTRUCTION, text) for text in (row.chosen, row.rejected)
        )
        start = len(os.path.commonprefix([chosen, rejected]))
        assert 0 < start < len(chosen)
        known = token_log_probabilities(vlm, IMAGES[row.path], INSTRUCTION, chosen)
        own, every, tokens = own + known[start:].sum(), every + known.sum(), tokens + len(chosen)
    torch.testing.assert_close(loss, -every.detach() / tokens, rtol=1e-5, atol=1e-6)
    (-own / tokens).backward()
    for name, parameter in made.model.named_parameters():
        if parameter.requires_grad:
            size = float(parameter.grad.abs().max())
            torch.testing.assert_close(
                found[name], parameter.grad, rtol=1e-5, atol=1e-5 * size, msg=name
            )


def assert_adds_up(made, found, plain, added):
    """Loss and gradients found are those of the plain step, and of what is added to its loss."""
    torch.testing.assert_close(found[0], plain[0] + added.detach(), rtol=1e-5, atol=1e-6)
    added.backward()
    for name, parameter in made.model.named_parameters():
        if parameter.requires_grad:
            expected = plain[2][name] + parameter.grad
            size = float(expected.abs().max())
            torch.testing.assert_close(
                found[1][name], expected, rtol=1e-4, atol=1e-5 * size, msg=name
            )


def test_what_both_answers_begin_with_is_held_to_the_reference(policy, tmp_path):
    """Loss and gradients are those without it, and of the divergence from its definition."""
    plain = step(trainer(SharedPrefixDPOTrainer, load(policy), tmp_path, learns_start=False))
    vlm = load(policy)
    made = trainer(SharedPrefixDPOTrainer, vlm, tmp_path, learns_start=False, score_weight=3.0)
    loss, metrics, found = step(made)
    found = {name: gradient.clone() for name, gradient in found.items()}
    made.model.zero_grad()
    whole, tokens = 0.0, 0
    for row in PAIRS.itertuples():
        answers = [answer_ids(vlm, INSTRUCTION, text) for text in (row.chosen, row.rejected)]
        start = os.path.commonprefix(answers)
        given = encode(vlm, IMAGES[row.path], INSTRUCTION, start)
        behind = slice(-len(start) - 1, -1)
        policy_ = vlm.model(**given).logits[0, behind].log_softmax(dim=-1)
        with torch.no_grad(), made.model.disable_adapter():
            before = vlm.model(**given).logits[0, behind].log_softmax(dim=-1)
        whole = whole + (before.exp() * (before - policy_)).sum()
        tokens += len(start)
    held = whole / tokens
    assert float(held.detach()) > 0.01
    assert metrics["score_divergence"] == pytest.approx(float(held.detach()), rel=1e-4)
    assert_adds_up(made, (loss, found), plain, 3 * held)


def test_texts_are_kept_from_breaking_off(policy, tmp_path):
    """Loss and gradients are those without it, and of the definition, one row an answer."""
    plain = step(trainer(SharedPrefixDPOTrainer, load(policy), tmp_path))
    vlm = load(policy)
    made = trainer(SharedPrefixDPOTrainer, vlm, tmp_path, stray_weight=3.0)
    loss, metrics, found = step(made)
    found = {name: gradient.clone() for name, gradient in found.items()}
    made.model.zero_grad()
    stray = stray_tokens(vlm)
    whole, tokens = 0.0, 0
    for row in PAIRS.itertuples():
        for text in (row.chosen, row.rejected):
            answer = answer_ids(vlm, INSTRUCTION, text)
            given = encode(vlm, IMAGES[row.path], INSTRUCTION, answer)
            likely = vlm.model(**given).logits[0, -len(answer) - 1 : -1].softmax(dim=-1)
            words = [place for place, token in enumerate(answer) if not stray[token]]
            whole = whole - (1 - likely[words][:, stray].sum(dim=-1)).log().sum()
            tokens += len(words)
    broken = whole / tokens
    assert float(broken.detach()) > 0.001
    assert metrics["stray_loss"] == pytest.approx(float(broken.detach()), rel=1e-4)
    assert_adds_up(made, (loss, found), plain, 3 * broken)


def test_a_tower_that_is_trained_runs_in_the_step_and_gets_its_gradients(policy, tmp_path):
    vlms = [load(policy) for _ in range(2)]
    decoder = f".{decoder_name(vlms[0].model)}."
    stock, ours = (
        step(trainer(kind, vlm, tmp_path, "whole_model"))
        for kind, vlm in zip((DPOTrainer, SharedPrefixDPOTrainer), vlms, strict=True)
    )
    torch.testing.assert_close(ours[0], stock[0], rtol=1e-5, atol=1e-6)
    towers = [gradient for name, gradient in stock[2].items() if decoder not in name]
    assert any(gradient is not None and gradient.any() for gradient in towers)
    for name, gradient in stock[2].items():
        # The very last layers of a tower may feed nothing that the language model sees.
        if gradient is None:
            continue
        size = float(gradient.abs().max())
        torch.testing.assert_close(ours[2][name], gradient, rtol=1e-4, atol=1e-5 * size, msg=name)


def test_the_tower_runs_once_an_image_and_not_at_all_where_features_are_stored(policy, tmp_path):
    vlm = load(policy)
    keys = list(IMAGES)
    made = trainer(SharedPrefixDPOTrainer, vlm, tmp_path)
    runs = []
    tower = vlm.model.get_encoder("image")
    hook = tower.register_forward_hook(lambda *_: runs.append(1))
    step(made)
    assert len(runs) == 1
    stored = store_features(vlm, IMAGES, keys, batch_size=4, max_bytes=1e9)
    runs.clear()
    made.data_collator = PackedPairCollator(ImageEncoder(vlm, {}, stored), INSTRUCTION, True)
    step(made)
    hook.remove()
    assert not runs


def test_a_known_reference_is_used_and_gives_the_same_loss(policy, tmp_path):
    computed = step(trainer(SharedPrefixDPOTrainer, load(policy), tmp_path))[0]
    vlm = load(policy)
    weights = answer_log_probabilities(
        ImageEncoder(vlm, IMAGES),
        list(PAIRS["path"]),
        PAIRS[["chosen", "rejected"]].to_numpy().tolist(),
        INSTRUCTION,
        batch_size=3,
    )
    made = trainer(SharedPrefixDPOTrainer, vlm, tmp_path)
    for place, name in enumerate(("ref_chosen_logps", "ref_rejected_logps")):
        made.train_dataset = made.train_dataset.add_column(name, [row[place] for row in weights])
    made.precompute_ref_logps = True
    rows = []
    hook = vlm.model.base_model.register_forward_hook(lambda module, inputs, output: rows.append(1))
    known = step(made)[0]
    hook.remove()
    assert len(rows) == 1, "the policy's pass alone"
    torch.testing.assert_close(known, computed, rtol=1e-5, atol=1e-6)


def trained(made, **resume):
    made.train(**resume)
    return {
        name: parameter.detach().clone()
        for name, parameter in made.model.named_parameters()
        if parameter.requires_grad
    }


def test_a_run_goes_on_from_trls_own_checkpoint_as_if_never_interrupted(policy, tmp_path):
    short = {"per_device_train_batch_size": 2, "num_train_epochs": 3, "save_steps": 4}
    whole = trained(trainer(SharedPrefixDPOTrainer, load(policy), tmp_path, **short))
    checkpoint = str(tmp_path / "checkpoint-4")
    again = trained(
        trainer(SharedPrefixDPOTrainer, load(policy), tmp_path, **short),
        resume_from_checkpoint=checkpoint,
    )
    start = trainer(SharedPrefixDPOTrainer, load(policy), tmp_path, **short)
    assert whole.keys() == again.keys()
    for name, tensor in whole.items():
        assert torch.equal(again[name], tensor), name
        assert not torch.equal(start.model.get_parameter(name), tensor), name


def test_an_adapter_in_half_precision_goes_on_in_half_precision(idefics3, tmp_path):
    """As TRL gives it to a 4-bit model; PEFT would load it as 32 bits."""

    def half():
        made = trainer(
            SharedPrefixDPOTrainer,
            load(idefics3),
            tmp_path,
            per_device_train_batch_size=2,
            num_train_epochs=3,
            save_steps=4,
        )
        for parameter in made.model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.bfloat16()
        return made

    whole = trained(half())
    again = trained(half(), resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    for name, tensor in whole.items():
        assert again[name].dtype == torch.bfloat16
        assert torch.equal(again[name], tensor), name


@pytest.mark.slow
def test_two_processes_train_as_one_does(idefics3, tmp_path):
    """Each sees half of every batch; accelerate averages the gradients."""
    both = {"num_train_epochs": 2, "loss_type": ["sigmoid"], "loss_weights": [1.0]}
    alone = trained(trainer(SharedPrefixDPOTrainer, load(idefics3), tmp_path, **both))
    out = tmp_path / "two.pt"
    script = f"""
import sys
sys.path[:0] = {sys.path!r}
import torch
import test_shared_prefix_trainer as tests
from cards import policy_over
policy = policy_over({idefics3.base_model!r})
half = dict({both!r}, per_device_train_batch_size=2)
made = tests.trainer(tests.SharedPrefixDPOTrainer, tests.load(policy), {str(tmp_path)!r}, **half)
found = tests.trained(made)
if made.accelerator.is_main_process:
    plain = {{name.removeprefix("module."): tensor for name, tensor in found.items()}}
    torch.save(plain, {str(out)!r})
made.accelerator.wait_for_everyone()
torch.distributed.destroy_process_group()
"""
    (tmp_path / "two.py").write_text(script)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = [
        subprocess.Popen(
            [sys.executable, str(tmp_path / "two.py")],
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parent),
                "OMP_NUM_THREADS": "1",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": port,
                "WORLD_SIZE": "2",
                "RANK": rank,
                "LOCAL_RANK": rank,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in "01"
    ]
    for process in processes:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
    together = torch.load(out, weights_only=True)
    assert together.keys() == alone.keys()
    for name, tensor in alone.items():
        torch.testing.assert_close(together[name], tensor, rtol=1e-4, atol=1e-5, msg=name)
