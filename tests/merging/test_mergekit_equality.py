"""Merging ΔW must give what mergekit's own run gives on whole, materialised checkpoints."""

from pathlib import Path

import pytest
import stage_settings
import tiny_vlm
import torch
from mergekit.config import MergeConfiguration
from mergekit.merge import MergeOptions, run_merge
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText

from selfscore.merging.delta import delta
from selfscore.merging.experts import merge_adapters, scaled
from selfscore.vlm.loading.folding import fold
from selfscore.vlm.policy import LoraAdapter

RANK = 4
# At least as many as the smaller side of any layer: the merged LoRA loses nothing.
FULL_RANK = 48
WEIGHTS = [0.7, 1.3, 0.4]


def random_expert(model, seed: int) -> LoraAdapter:
    """A LoRA of random values on every linear layer of the language model."""
    generator = torch.Generator().manual_seed(seed)
    tensors, modules = {}, []
    for name, module in model.named_modules():
        if "language_model.layers" in name and isinstance(module, torch.nn.Linear):
            modules.append(name)
            shapes = {"A": (RANK, module.in_features), "B": (module.out_features, RANK)}
            for side, shape in shapes.items():
                key = f"base_model.model.{name}.lora_{side}.weight"
                tensors[key] = 0.2 * torch.randn(shape, generator=generator)
    config = {
        "base_model_name_or_path": model.name_or_path,
        "peft_type": "LORA",
        "r": RANK,
        "lora_alpha": 8,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": modules,
    }
    return LoraAdapter(config, tensors)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> tuple[Path, list[LoraAdapter]]:
    """Folders `base`, `expert_i` (weights W0 + ΔW_i) and `delta_i` (weights ΔW_i)."""
    folder = tmp_path_factory.mktemp("checkpoints")
    hub = tiny_vlm.save_llava(folder / "hub")
    base = AutoModelForImageTextToText.from_pretrained(hub)
    experts = [random_expert(base, seed) for seed in range(3)]
    # The legacy layout would make mergekit lose the language model silently.
    base.save_pretrained(folder / "base", save_original_format=False)
    for number, expert in enumerate(experts):
        folded = AutoModelForImageTextToText.from_pretrained(hub)
        fold(folded, expert)
        folded.save_pretrained(folder / f"expert_{number}", save_original_format=False)
        base.save_pretrained(folder / f"delta_{number}", save_original_format=False)
        weights = load_file(folder / f"delta_{number}" / "model.safetensors")
        for module in expert.config["target_modules"]:
            weights[f"{module}.weight"] = delta(expert, module)
        save_file(weights, folder / f"delta_{number}" / "model.safetensors", {"format": "pt"})
    return folder, experts


def by_mergekit(folder, target, method, models, base=None, shared=None, seed=None):
    """Weights of `run_merge`; `models` maps a folder to its parameters, `base` names a folder."""
    config = {
        "merge_method": method,
        "models": [{"model": str(folder / m), "parameters": p} for m, p in models.items()],
        "parameters": shared or {},
        "dtype": "float32",
    }
    if base:
        config["base_model"] = str(folder / base)
    options = MergeOptions(quiet=True, random_seed=seed)
    run_merge(MergeConfiguration.model_validate(config), str(target), options=options)
    theirs = load_file(next(target.glob("*.safetensors")))
    assert set(theirs) == set(load_file(folder / "base" / "model.safetensors")), "tensors lost"
    return theirs


def by_us(experts, method, weights, seed=0, strength=1.0, **changes):
    named = {f"expert_{number}": expert for number, expert in enumerate(experts)}
    values = {"density": 1.0, "gamma": 0.0, "epsilon": 0.0}
    settings = stage_settings.merging(
        method=method,
        weights=dict(zip(named, weights, strict=True)),
        rank=FULL_RANK,
        **values | changes,
    )
    merged = scaled(merge_adapters(named, settings, seed)[0], strength)
    return {module: delta(merged, module) for module in merged.config["target_modules"]}


@pytest.mark.parametrize(
    ("method", "count", "own", "shared"),
    [
        ("ties", 2, {"density": 0.5}, {}),
        ("ties", 3, {"density": 0.3}, {"lambda": 0.7}),
        ("task_arithmetic", 2, {}, {"lambda": 1.4}),
        ("task_arithmetic", 3, {}, {}),
        ("linear", 2, {}, {}),
        ("linear", 3, {}, {}),
        ("breadcrumbs", 2, {"density": 0.5, "gamma": 0.05}, {"lambda": 0.7}),
        ("breadcrumbs", 3, {"density": 0.9, "gamma": 0.3}, {}),
        ("breadcrumbs_ties", 3, {"density": 0.5, "gamma": 0.05}, {}),
        ("model_stock", 2, {}, {}),
        ("model_stock", 3, {}, {}),
        # Nothing is dropped, so what the random methods do besides can be compared to the digit.
        ("dare_linear", 3, {"density": 1.0}, {"lambda": 0.7}),
        ("dare_ties", 3, {"density": 1.0}, {}),
        ("della", 3, {"density": 1.0}, {}),
        ("della_linear", 2, {"density": 1.0}, {}),
    ],
)
def test_equals_run_merge_on_checkpoints(checkpoints, tmp_path, method, count, own, shared):
    folder, experts = checkpoints
    weights = WEIGHTS[:count]
    models = {
        f"expert_{number}": {} if method == "model_stock" else {"weight": weight} | own
        for number, weight in enumerate(weights)
    }
    base = None if method == "linear" else "base"
    theirs = by_mergekit(folder, tmp_path / "merged", method, models, base, shared)
    ours = by_us(experts[:count], method, weights, strength=shared.get("lambda", 1.0), **own)
    before = load_file(folder / "base" / "model.safetensors")
    for module, change in ours.items():
        merged = before[f"{module}.weight"] + change
        torch.testing.assert_close(merged, theirs[f"{module}.weight"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("weights", [[1.0, 1.0], [0.3, 1.2]])
def test_slerp_equals_run_merge_on_checkpoints_of_the_changes(checkpoints, tmp_path, weights):
    folder, experts = checkpoints
    shared = {"t": weights[1] / sum(weights)}
    models = {"delta_0": {}, "delta_1": {}}
    theirs = by_mergekit(folder, tmp_path / "merged", "slerp", models, "delta_0", shared)
    for module, change in by_us(experts[:2], "slerp", weights).items():
        torch.testing.assert_close(change, theirs[f"{module}.weight"], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "own"),
    [
        ("dare_linear", {"density": 0.4}),
        ("dare_ties", {"density": 0.4}),
        ("della", {"density": 0.4, "epsilon": 0.2}),
        ("della_linear", {"density": 0.4, "epsilon": 0.2}),
    ],
)
def test_random_drops_are_distributed_as_in_run_merge(checkpoints, tmp_path, method, own):
    """Share of entries that change, size along the merge without drops, and size off it."""
    folder, experts = checkpoints
    weights = WEIGHTS[:2]
    models = {f"expert_{n}": {"weight": weight} | own for n, weight in enumerate(weights)}
    before = load_file(folder / "base" / "model.safetensors")
    whole = by_us(experts[:2], "task_arithmetic", weights)
    plan = torch.cat([change.flatten() for change in whole.values()])

    def figures(changes):
        merged = torch.cat([change.flatten() for change in changes.values()])
        along = merged @ plan / (plan @ plan)
        off = (merged - along * plan).norm() / plan.norm()
        return torch.stack([(merged.abs() > 1e-5).float().mean(), along, off])

    ours, theirs = [], []
    for seed in range(3):
        target = tmp_path / f"merged_{seed}"
        run = by_mergekit(folder, target, method, models, "base", seed=seed)
        theirs.append(figures({m: run[f"{m}.weight"] - before[f"{m}.weight"] for m in whole}))
        ours.append(figures(by_us(experts[:2], method, weights, **own, seed=seed)))
    # Some 18 000 entries: a figure's standard error is below 0.01.
    difference = torch.stack(ours).mean(dim=0) - torch.stack(theirs).mean(dim=0)
    assert difference.abs().max() < 0.03, f"{torch.stack(ours)} and {torch.stack(theirs)}"
    assert not torch.allclose(theirs[0], theirs[1]), "mergekit did not draw anew"
