import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscore.merging.delta import delta, low_rank, to_lora


@settings(deadline=None)
@given(rank=st.integers(1, 12), true_rank=st.integers(1, 6), seed=st.integers(0, 500))
def test_energy_is_the_share_that_the_adapter_really_keeps(rank, true_rank, seed):
    generator = torch.Generator().manual_seed(seed)
    change = torch.randn(9, true_rank, generator=generator) @ torch.randn(
        true_rank, 7, generator=generator
    )
    adapter, energy = to_lora({"layer": change}, rank, "base")
    restored = delta(adapter, "layer")
    lost = (change - restored).square().sum() / change.square().sum()
    assert abs(1 - lost - energy["layer"]) < 1e-4
    assert 0 < energy["layer"] <= 1 + 1e-9
    if rank >= true_rank:
        torch.testing.assert_close(restored, change, rtol=1e-4, atol=1e-4)


def test_factors_and_their_product_make_the_same_adapter():
    generator = torch.Generator().manual_seed(0)
    change = torch.randn(9, 7, generator=generator)
    dense, energy = to_lora({"layer": change}, 4, "base")
    factors, kept = to_lora({"layer": low_rank(dense, "layer")}, 4, "base")
    torch.testing.assert_close(delta(factors, "layer"), delta(dense, "layer"))
    assert energy["layer"] < 1
    assert kept["layer"] == 1.0


def test_every_layer_gets_the_rank_of_the_adapter():
    adapter, _ = to_lora({"layer": torch.eye(3)}, 8, "base")
    shapes = {tuple(tensor.shape) for tensor in adapter.tensors.values()}
    assert shapes == {(8, 3), (3, 8)}
    assert adapter.config["r"] == 8


def test_no_change_is_kept_whole():
    adapter, energy = to_lora({"layer": torch.zeros(4, 3)}, 2, "base")
    assert energy == {"layer": 1.0}
    assert delta(adapter, "layer").abs().sum() == 0


def test_scale_is_alpha_over_rank():
    adapter, _ = to_lora({"layer": torch.eye(3)}, 3, "base")
    doubled = type(adapter)({**adapter.config, "lora_alpha": 6}, adapter.tensors)
    torch.testing.assert_close(delta(doubled, "layer"), 2 * torch.eye(3))
