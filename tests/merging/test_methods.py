import math

import pytest
import stage_settings
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscore.merging.low_rank import LowRank
from selfscore.merging.methods import (
    breadcrumbs,
    dare_linear,
    dare_ties,
    della,
    della_linear,
    knots_ties,
    linear,
    model_stock,
    slerp,
    task_arithmetic,
    ties,
)


def merge_settings(**changes):
    values = {
        "method": "ties",
        "weights": {},
        "rank": 4,
        "density": 1.0,
        "gamma": 0.1,
        "epsilon": 0.2,
    }
    return stage_settings.merging(**values | changes)


def exactly(change):
    """A `LowRank` of full rank: `change` itself."""
    return LowRank(change, torch.eye(change.shape[1]))


def thin(out, rank, in_, seed):
    generator = torch.Generator().manual_seed(seed)
    return LowRank(
        torch.randn(out, rank, generator=generator), torch.randn(rank, in_, generator=generator)
    )


def ties_by_hand(deltas, weights, density):
    """Equations of arXiv 2306.01708, section 3, written out with loops."""
    trimmed = []
    for change in deltas:
        flat = change.flatten()
        keep = max(1, int(density * flat.numel()))
        order = flat.abs().argsort(descending=True)[:keep]
        kept = torch.zeros_like(flat)
        kept[order] = flat[order]
        trimmed.append(kept)
    result = torch.zeros_like(trimmed[0])
    for i in range(len(result)):
        total = sum(w * t[i] for w, t in zip(weights, trimmed, strict=True))
        sign = 1 if total >= 0 else -1
        agree = [(w, t[i]) for w, t in zip(weights, trimmed, strict=True) if t[i].sign() == sign]
        if agree:
            result[i] = sum(w * v for w, v in agree) / sum(w for w, _ in agree)
    return result.reshape(deltas[0].shape)


@settings(deadline=None)
@given(
    seed=st.integers(0, 1000),
    experts=st.integers(1, 4),
    density=st.floats(0.1, 1.0),
    weights=st.lists(st.floats(0.1, 2.0), min_size=4, max_size=4),
)
def test_ties_is_trim_elect_mean(seed, experts, density, weights):
    generator = torch.Generator().manual_seed(seed)
    deltas = [torch.randn(5, 7, generator=generator) for _ in range(experts)]
    ours = ties([exactly(d) for d in deltas], weights[:experts], merge_settings(density=density))
    torch.testing.assert_close(ours, ties_by_hand(deltas, weights[:experts], density))


@settings(deadline=None)
@given(seed=st.integers(0, 1000), density=st.floats(0.1, 1.0))
def test_ties_of_equal_experts_is_the_trimmed_expert(seed, density):
    change = torch.randn(6, 6, generator=torch.Generator().manual_seed(seed))
    merged = ties([exactly(change)] * 2, [1.0, 1.0], merge_settings(density=density))
    kept = merged != 0
    assert kept.sum() == max(1, int(density * change.numel()))
    torch.testing.assert_close(merged[kept], change[kept])
    assert change[kept].abs().min() >= change[~kept].abs().max() if (~kept).any() else True


def test_disagreeing_signs_do_not_cancel():
    pair = [exactly(torch.tensor([[value]])) for value in (3.0, -1.0)]
    assert ties(pair, [1.0, 1.0], merge_settings()).item() == 3.0
    assert task_arithmetic(pair, [1.0, 1.0], merge_settings()).dense().item() == pytest.approx(2.0)


def test_linear_is_a_mean_and_task_arithmetic_a_sum():
    changes = [thin(6, 2, 5, seed) for seed in range(3)]
    weights = [0.5, 1.0, 2.5]
    total = sum(w * c.dense() for w, c in zip(weights, changes, strict=True))
    torch.testing.assert_close(task_arithmetic(changes, weights, merge_settings()).dense(), total)
    torch.testing.assert_close(linear(changes, weights, merge_settings()).dense(), total / 4)


def test_slerp_goes_along_the_arc():
    """Between perpendicular ΔW of equal norm, the norm stays and the angle is t · 90°."""
    pair = [
        exactly(torch.tensor([[1.0, 0.0], [0.0, 0.0]])),
        exactly(torch.tensor([[0.0, 0.0], [0.0, 1.0]])),
    ]
    merged = slerp(pair, [2.0, 1.0], merge_settings()).dense()
    expected = torch.diag(torch.tensor([math.cos(math.pi / 6), math.sin(math.pi / 6)]))
    torch.testing.assert_close(merged, expected)


def test_model_stock_shrinks_by_the_angle():
    """t = n·cos / (1 + (n − 1)·cos), equation 6 of arXiv 2403.19522: 0 for perpendicular ones."""
    one, other = torch.diag(torch.tensor([1.0, 0.0])), torch.diag(torch.tensor([0.0, 1.0]))
    merged = model_stock([exactly(one), exactly(other)], [1.0, 1.0], merge_settings()).dense()
    torch.testing.assert_close(merged, torch.zeros(2, 2))
    between = (one + other) / math.sqrt(2)  # 45° from `one`
    cosine = math.sqrt(0.5)
    t = 2 * cosine / (1 + cosine)
    merged = model_stock([exactly(one), exactly(between)], [1.0, 1.0], merge_settings()).dense()
    torch.testing.assert_close(merged, t * (one + between) / 2)


def test_methods_say_how_many_experts_they_take():
    with pytest.raises(ValueError, match="slerp` takes exactly two experts, got 3"):
        slerp([thin(3, 1, 3, 0)] * 3, [1.0] * 3, merge_settings())
    with pytest.raises(ValueError, match="model_stock` takes at least two experts, got 1"):
        model_stock([thin(3, 1, 3, 0)], [1.0], merge_settings())


def test_breadcrumbs_drop_both_ends():
    change = torch.arange(1.0, 11.0).reshape(2, 5)
    merged = breadcrumbs([exactly(change)], [2.0], merge_settings(density=0.5, gamma=0.2))
    assert merged.tolist() == [[0, 0, 0, 8, 10], [12, 14, 16, 0, 0]]


@pytest.mark.parametrize("density", [0.3, 0.7])
def test_dare_drops_at_random_and_keeps_the_mean(density):
    change = thin(40, 4, 50, seed=0)
    dense = change.dense()
    torch.manual_seed(0)
    draws = [dare_linear([change], [1.0], merge_settings(density=density)) for _ in range(200)]
    for draw in draws[:10]:
        kept = draw != 0
        # Every entry is dropped or scaled by one factor that restores the sum of magnitudes.
        factor = dense.abs().sum() / dense[kept].abs().sum()
        torch.testing.assert_close(draw[kept], factor * dense[kept])
        assert kept.float().mean() == pytest.approx(density, abs=5 * 0.5 / math.sqrt(2000))
        assert factor == pytest.approx(1 / density, rel=0.2)
    mean = torch.stack(draws).mean(dim=0)
    # A draw of an entry has the variance (1 − p) / p · entry².
    deviation = (mean - dense) / (dense.abs() * math.sqrt((1 - density) / density / len(draws)))
    assert deviation.square().mean() == pytest.approx(1, abs=0.2)
    assert abs(float(deviation.mean())) < 0.15


def test_della_spares_the_large_entries_of_a_row():
    density, epsilon, columns = 0.5, 0.3, 21
    row = torch.arange(1.0, columns + 1)
    change = torch.stack([row, 100 * row.flip(0)])
    torch.manual_seed(0)
    chosen = merge_settings(density=density, epsilon=epsilon)
    draws = torch.stack([della_linear([exactly(change)], [1.0], chosen) for _ in range(2000)])
    frequency = (draws != 0).float().mean(dim=0)
    expected = torch.linspace(density - epsilon, density + epsilon, columns)
    assert (frequency[0] - expected).abs().max() < 5 * 0.5 / math.sqrt(2000)
    assert (frequency[1] - expected.flip(0)).abs().max() < 5 * 0.5 / math.sqrt(2000)
    total = draws.abs().sum(dim=(1, 2))
    torch.testing.assert_close(total, change.sum().expand_as(total))


def test_election_after_random_drops():
    """An expert's entry never passes with the sign that lost; della averages, dare_ties sums."""
    changes = [exactly(torch.full((30, 30), 3.0)), exactly(torch.full((30, 30), -1.0))]
    torch.manual_seed(0)
    chosen = merge_settings(density=0.5, epsilon=0.1)
    summed, averaged = (method(changes, [1.0, 1.0], chosen) for method in (dare_ties, della))
    for merged in (summed, averaged):
        scale = merged.max() / 3
        assert scale == pytest.approx(2, rel=0.2)
        assert len(merged.unique()) == 3  # the first expert, the second where it is alone, nothing
    same = [exactly(torch.full((30, 30), 3.0))] * 2
    assert dare_ties(same, [1.0, 1.0], chosen).max() > 10
    assert della(same, [1.0, 1.0], chosen).max() < 8


def test_della_names_an_epsilon_that_does_not_fit():
    with pytest.raises(ValueError, match=r"`merging.epsilon` must be smaller .*\(0.9\).* got 0.2"):
        della([thin(3, 1, 3, 0)], [1.0], merge_settings(density=0.9))
    change = thin(3, 1, 3, 0)
    torch.testing.assert_close(della([change], [1.0], merge_settings(density=1.0)), change.dense())


def knots_ties_by_hand(deltas, weights, density):
    """Section 4 of arXiv 2410.19735 on dense matrices: SVD side by side, merge V, map back."""
    u, s, vt = torch.linalg.svd(torch.cat(deltas, dim=1).double(), full_matrices=False)
    rank = int((s > 1e-5 * s[0]).sum())
    columns = deltas[0].shape[1]
    parts = [part.float() for part in vt[:rank].split(columns, dim=1)]
    return (u[:, :rank] * s[:rank]).float() @ ties_by_hand(parts, weights, density)


@pytest.mark.parametrize("density", [1.0, 0.4])
@pytest.mark.parametrize("weights", [[1.0, 1.0], [0.7, 1.3, 0.4]])
def test_knots_ties_is_ties_on_the_aligned_components(density, weights):
    changes = [thin(12, 2 + number, 9, seed=number) for number in range(len(weights))]
    merged = knots_ties(changes, weights, merge_settings(density=density)).dense()
    expected = knots_ties_by_hand([c.dense() for c in changes], weights, density)
    torch.testing.assert_close(merged, expected, rtol=1e-4, atol=1e-4)


def test_knots_ties_of_equal_experts_is_the_expert():
    change = thin(12, 3, 9, seed=0)
    merged = knots_ties([change, change], [1.0, 1.0], merge_settings()).dense()
    torch.testing.assert_close(merged, change.dense(), rtol=1e-4, atol=1e-4)
