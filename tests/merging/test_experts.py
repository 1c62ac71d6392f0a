import sys
import weakref

import pytest
import stage_settings
import torch

from selfscore.merging.delta import delta, to_lora
from selfscore.merging.experts import accumulate, merge_adapters, scaled
from selfscore.merging.methods import MERGE_METHODS
from selfscore.vlm.policy import LoraAdapter


def adapter(value: float, modules=("a", "b"), rank: int = 2):
    return to_lora({m: value * torch.eye(4) for m in modules}, rank, "base")[0]


def random_adapter(seed: int):
    generator = torch.Generator().manual_seed(seed)
    return to_lora({m: torch.randn(6, 5, generator=generator) for m in "ab"}, 3, "base")[0]


def settings(**changes):
    values = {
        "method": "ties",
        "weights": {"scoring": 1.0, "consistency": 1.0},
        "rank": 4,
        "density": 1.0,
        "gamma": 0.01,
        "epsilon": 0.15,
    }
    return stage_settings.merging(**values | changes)


def test_merge_takes_any_number_of_experts():
    experts = {"scoring": adapter(1.0), "consistency": adapter(2.0), "grounding": adapter(3.0)}
    weights = dict.fromkeys(experts, 1.0)
    merged, energy = merge_adapters(experts, settings(weights=weights), 0)
    mean = sum(delta(expert, "a") for expert in experts.values()) / 3
    torch.testing.assert_close(delta(merged, "a"), mean)
    torch.testing.assert_close(delta(scaled(merged, 0.5), "a"), 0.5 * mean)
    assert all(
        torch.equal(tensor, merged.tensors[name])
        for name, tensor in scaled(merged, 1.0).tensors.items()
    )
    assert set(energy) == {"a", "b"}


@pytest.mark.parametrize("method", sorted(MERGE_METHODS))
def test_every_method_gives_one_adapter_and_the_same_again(method):
    experts = {"scoring": random_adapter(1), "consistency": random_adapter(2)}
    chosen = settings(method=method, density=0.6)
    merged, energy = merge_adapters(experts, chosen, 0)
    torch.rand(3)
    again, _ = merge_adapters(experts, chosen, 0)
    assert merged.config["target_modules"] == ["a", "b"]
    assert delta(merged, "a").norm() > 0
    assert all(0 < share <= 1 for share in energy.values())
    for name, tensor in merged.tensors.items():
        assert torch.equal(tensor, again.tensors[name])


@pytest.mark.parametrize("method", sorted(MERGE_METHODS))
def test_untrained_experts_change_nothing(method):
    experts = {"scoring": adapter(0.0), "consistency": adapter(0.0)}
    merged, energy = merge_adapters(experts, settings(method=method, density=0.6), 0)
    assert energy == {"a": 1.0, "b": 1.0}
    assert delta(merged, "a").abs().max() == 0


@pytest.mark.parametrize("method", ["dare_linear", "dare_ties", "della", "della_linear"])
def test_drops_differ_between_seeds_and_between_layers(method):
    twin = random_adapter(1)
    for side in ("A", "B"):
        name = "base_model.model.{}.lora_" + side + ".weight"
        twin.tensors[name.format("b")] = twin.tensors[name.format("a")]
    experts = {"scoring": twin}
    first, _ = merge_adapters(experts, settings(method=method, density=0.5, rank=5), 0)
    second, _ = merge_adapters(experts, settings(method=method, density=0.5, rank=5), 1)
    assert not torch.allclose(delta(first, "a"), delta(first, "b"))
    assert not torch.allclose(delta(first, "a"), delta(second, "a"))


def test_only_one_dense_change_is_held_at_a_time(monkeypatch):
    made: list[weakref.ref] = []

    def dense(changes, weights, settings):
        assert all(earlier() is None for earlier in made), "an earlier layer's ΔW is still held"
        merged = changes[0].dense()
        made.append(weakref.ref(merged))
        return merged

    monkeypatch.setitem(MERGE_METHODS, "ties", dense)
    modules = ("a", "b", "c", "d")
    merge_adapters({"scoring": adapter(1.0, modules=modules)}, settings(), 0)
    assert len(made) == 4


def test_progress_is_shown(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    merge_adapters({"scoring": adapter(1.0)}, settings(), 0)
    shown = capsys.readouterr().err
    assert "merging: 100%" in shown
    assert "2/2" in shown
    assert "layers" in shown


def test_accumulate_adds_to_the_parent_and_needs_none():
    update = adapter(1.0, rank=4)
    first, _ = accumulate(None, update, rank=4)
    torch.testing.assert_close(delta(first, "a"), delta(update, "a"))
    second, energy = accumulate(first, update, rank=4)
    torch.testing.assert_close(delta(second, "b"), 2 * torch.eye(4))
    assert energy["a"] == pytest.approx(1.0)


@pytest.mark.parametrize("method", sorted(MERGE_METHODS))
def test_a_layer_that_one_expert_leaves_alone_is_merged_with_no_change(method):
    """As where `targets` differ between experts: `whole_model` has the tower's layers too."""
    alone = random_adapter(2)
    for name in [name for name in alone.tensors if ".b." in name]:
        alone.tensors[name] = torch.zeros_like(alone.tensors[name])
    fewer = LoraAdapter(
        {**alone.config, "target_modules": ["a"]},
        {name: tensor for name, tensor in alone.tensors.items() if ".a." in name},
    )
    chosen = settings(method=method, density=0.6)
    found, energy = merge_adapters({"scoring": random_adapter(1), "consistency": fewer}, chosen, 0)
    expected, _ = merge_adapters({"scoring": random_adapter(1), "consistency": alone}, chosen, 0)
    assert set(energy) == {"a", "b"}
    for module in "ab":
        torch.testing.assert_close(delta(found, module), delta(expected, module))
        assert delta(found, module).isfinite().all()


@pytest.mark.parametrize("wide", ["parent", "update"])
def test_a_round_that_adapts_other_layers_than_the_last_adds_what_there_is(wide):
    both = random_adapter(1)
    few = to_lora({"a": torch.randn(6, 5)}, 3, "base")[0]
    parent, update = (both, few) if wide == "parent" else (few, both)
    total, _ = accumulate(parent, update, rank=5)
    torch.testing.assert_close(delta(total, "a"), delta(both, "a") + delta(few, "a"))
    torch.testing.assert_close(delta(total, "b"), delta(both, "b"))


@pytest.mark.parametrize("modules", [("c",), ("a", "c"), ("a", "b", "c")])
def test_experts_of_different_base_models_are_named(modules):
    other = to_lora({m: torch.eye(5) for m in modules}, 2, "base")[0]
    with pytest.raises(ValueError, match=r"'scoring'.*of different base models|'consistency'.*of"):
        merge_adapters({"scoring": adapter(1.0), "consistency": other}, settings(), 0)


def test_an_expert_that_is_not_whole_is_refused():
    half = adapter(1.0)
    del half.tensors["base_model.model.b.lora_B.weight"]
    with pytest.raises(ValueError, match="not whole: it has no tensor '.*b.lora_B.weight'"):
        merge_adapters({"scoring": half}, settings(), 0)


def test_an_expert_without_weight_is_named():
    with pytest.raises(ValueError, match="no weight for the expert 'grounding'"):
        merge_adapters({"grounding": adapter(1.0)}, settings(), 0)


def test_experts_that_weigh_nothing_are_named():
    weights = {"scoring": 0.0, "consistency": 1.0}
    with pytest.raises(ValueError, match="all zero for scoring"):
        merge_adapters({"scoring": adapter(1.0)}, settings(weights=weights), 0)


def test_an_expert_that_diverged_is_named():
    with pytest.raises(ValueError, match="'scoring' has values that are not finite in 'a'"):
        diverged = adapter(1.0)
        diverged.tensors["base_model.model.a.lora_B.weight"][0, 0] = torch.nan
        merge_adapters({"scoring": diverged}, settings(), 0)
