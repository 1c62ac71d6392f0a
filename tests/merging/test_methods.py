import torch
from hypothesis import given
from hypothesis import strategies as st

from selfscore.merging.methods import task_arithmetic, ties


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


@given(
    seed=st.integers(0, 1000),
    experts=st.integers(1, 4),
    density=st.floats(0.1, 1.0),
    weights=st.lists(st.floats(0.1, 2.0), min_size=4, max_size=4),
)
def test_ties_is_trim_elect_mean(seed, experts, density, weights):
    generator = torch.Generator().manual_seed(seed)
    deltas = [torch.randn(5, 7, generator=generator) for _ in range(experts)]
    ours = ties(deltas, weights[:experts], density)
    torch.testing.assert_close(ours, ties_by_hand(deltas, weights[:experts], density))


@given(seed=st.integers(0, 1000), density=st.floats(0.1, 1.0))
def test_ties_of_equal_experts_is_the_trimmed_expert(seed, density):
    change = torch.randn(6, 6, generator=torch.Generator().manual_seed(seed))
    merged = ties([change, change], [1.0, 1.0], density)
    kept = merged != 0
    assert kept.sum() == max(1, int(density * change.numel()))
    torch.testing.assert_close(merged[kept], change[kept])
    assert change[kept].abs().min() >= change[~kept].abs().max() if (~kept).any() else True


def test_disagreeing_signs_do_not_cancel():
    big, small = torch.tensor([[3.0]]), torch.tensor([[-1.0]])
    assert ties([big, small], [1.0, 1.0], 1.0).item() == 3.0
    assert task_arithmetic([big, small], [1.0, 1.0], 1.0).item() == 2.0
