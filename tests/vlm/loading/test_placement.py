import pytest
import stock
import torch
from hypothesis import given
from hypothesis import strategies as st

from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.loading.placement import place, share_out


@given(
    rest=st.integers(0, 10**6),
    layers=st.lists(st.integers(1, 10**5), min_size=1, max_size=50),
    devices=st.integers(1, 8),
)
def test_layers_are_shared_out_in_order_and_evenly(rest, layers, devices):
    numbers = share_out(rest, layers, devices)
    assert numbers == sorted(numbers)
    assert set(numbers) <= set(range(devices))
    whole = rest + sum(layers)
    for device in range(1, devices):
        held = sum(size for size, number in zip(layers, numbers, strict=True) if number == device)
        assert held <= whole / devices + max(layers)


def test_what_stands_outside_the_layers_counts_for_the_first_device():
    assert share_out(0, [1] * 8, 2) == [0] * 4 + [1] * 4
    assert share_out(4, [1] * 8, 2) == [0] * 2 + [1] * 6


def test_a_spread_model_computes_the_same_and_says_where_it_is(policy, images):
    """With the CPU named twice: every tensor goes through the hooks, and has nowhere to go."""
    vlm, spread = load_vlm(policy), load_vlm(policy)
    place(spread.model, [torch.device("cpu"), torch.device("cpu")])
    layers = spread.model.get_decoder().layers
    assert all(hasattr(layer, "_hf_hook") for layer in layers)
    assert len(spread.model.hf_device_map) == 3
    inputs = stock.encode(vlm, images["0.png"], "Rate it.", [])
    with torch.inference_mode():
        torch.testing.assert_close(
            spread.model(**inputs).logits, vlm.model(**inputs).logits, rtol=0, atol=0
        )


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_layers_on_two_gpus_compute_the_same(policy, images):
    vlm, spread = load_vlm(policy), load_vlm(policy)
    place(spread.model, [torch.device("cuda", 0), torch.device("cuda", 1)])
    inputs = stock.encode(vlm, images["0.png"], "Rate it.", []).to("cuda:0")
    with torch.inference_mode():
        torch.testing.assert_close(
            spread.model(**inputs).logits, vlm.model(**inputs).logits, rtol=2e-2, atol=2e-2
        )
