import pytest
import stage_settings
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscore.merging.low_rank import LowRank, joint_svd, shared_cores, summed, truncated
from selfscore.merging.methods import MERGE_METHODS
from selfscore.merging.randomness import seeded


def change(out, rank, in_, seed):
    generator = torch.Generator().manual_seed(seed)
    return LowRank(
        torch.randn(out, rank, generator=generator), torch.randn(rank, in_, generator=generator)
    )


def merged_pair(method, out, in_, seed):
    """A dense ΔW as merging makes it: of two experts with decaying spectra and a common start."""
    start, *own = [change(out, 8, in_, seed + number) for number in range(3)]
    decay = torch.logspace(0, -1, 8)
    experts = [LowRank(each.left * decay, start.right + 0.3 * each.right) for each in own]
    chosen = stage_settings.merging(method=method, rank=1, density=0.5, gamma=0, epsilon=0)
    with seeded("merged pair"):
        return MERGE_METHODS[method](experts, [1.0, 1.0], chosen)


shapes = {"out": st.integers(2, 12), "in_": st.integers(2, 12), "rank": st.integers(1, 5)}


@settings(deadline=None)
@given(**shapes, seed=st.integers(0, 500))
def test_cores_rebuild_every_change(out, in_, rank, seed):
    changes = [change(out, rank, in_, seed), change(out, 2, in_, seed + 1)]
    left, cores, right = shared_cores(changes)
    for core, each in zip(cores, changes, strict=True):
        torch.testing.assert_close((left @ core @ right).float(), each.dense())
        torch.testing.assert_close(core.norm().float(), each.dense().norm())
    torch.testing.assert_close(summed(changes).dense(), changes[0].dense() + changes[1].dense())


@settings(deadline=None)
@given(**shapes, seed=st.integers(0, 500))
def test_joint_svd_is_that_of_the_changes_side_by_side(out, in_, rank, seed):
    changes = [change(out, rank, in_, seed), change(out, 2, in_, seed + 1)]
    basis, aligned = joint_svd(changes)
    joined = torch.cat([each.dense() for each in changes], dim=1).double()
    torch.testing.assert_close(basis @ torch.cat(aligned, dim=1), joined, rtol=1e-4, atol=1e-4)
    together = torch.cat(aligned, dim=1)
    torch.testing.assert_close(together @ together.T, torch.eye(len(together)).double())
    expected = torch.linalg.svdvals(joined)[: basis.shape[1]]
    torch.testing.assert_close(basis.norm(dim=0), expected, rtol=1e-4, atol=1e-4)


def test_joint_svd_leaves_out_directions_without_content():
    one = change(9, 3, 7, seed=0)
    assert joint_svd([one, one])[0].shape == (9, 3)
    nothing = LowRank(torch.zeros(9, 3), torch.zeros(3, 7))
    basis, aligned = joint_svd([nothing, nothing])
    assert (basis @ aligned[0]).abs().max() == 0


@settings(deadline=None)
@given(**shapes, kept=st.integers(1, 6), seed=st.integers(0, 500))
def test_truncation_of_factors_is_that_of_the_dense_matrix(out, in_, rank, kept, seed):
    product = change(out, rank, in_, seed)
    best, energy = truncated(product, kept)
    u, s, vt = torch.linalg.svd(product.dense().double(), full_matrices=False)
    expected = float(s[:kept].square().sum() / s.square().sum())
    assert energy == pytest.approx(expected, abs=1e-5)
    rebuilt = (u[:, :kept] * s[:kept]) @ vt[:kept]
    if len(s) <= kept or s[kept - 1] - s[kept] > 0.1:  # else the best one is not unique
        torch.testing.assert_close(best.dense(), rebuilt.float(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    # The last is too large to be decomposed exactly.
    ("out", "in_", "lost_at_most"),
    [(320, 400, 1e-6), (400, 300, 1e-6), (1040, 1030, 1e-3)],
)
@pytest.mark.parametrize("rank", [16, 64])
@pytest.mark.parametrize("method", ["ties", "dare_ties"])
def test_truncation_keeps_the_energy_of_a_full_svd(out, in_, lost_at_most, rank, method):
    merged = merged_pair(method, out, in_, seed=out)
    best, energy = truncated(merged, rank)
    s = torch.linalg.svdvals(merged.double()).square()
    optimum = float(s[:rank].sum() / s.sum())
    assert optimum < 0.98, "a merge that is of low rank would prove nothing"
    assert optimum * (1 - lost_at_most) <= energy <= optimum + 1e-6
    lost = (merged - best.dense()).double().square().sum() / s.sum()
    assert 1 - float(lost) == pytest.approx(energy, abs=1e-5)


@settings(deadline=None)
@given(**shapes, kept=st.integers(1, 14), seed=st.integers(0, 500))
def test_truncation_of_a_small_matrix_is_exact(out, in_, rank, kept, seed):
    dense = change(out, rank, in_, seed).dense()
    best, energy = truncated(dense, kept)
    s = torch.linalg.svdvals(dense.double()).square()
    assert energy == pytest.approx(float(s[:kept].sum() / s.sum()), abs=1e-6)
    lost = (dense - best.dense()).double().square().sum() / s.sum()
    assert 1 - float(lost) == pytest.approx(energy, abs=1e-5)
    norms = torch.linalg.vector_norm(best.right, dim=1)
    torch.testing.assert_close(torch.linalg.vector_norm(best.left, dim=0), norms)


def test_an_approximate_truncation_repeats_itself_and_leaves_the_generator():
    merged = merged_pair("ties", 1040, 1030, seed=5)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    first, _ = truncated(merged, 16)
    assert torch.equal(torch.rand(3), expected)
    again, _ = truncated(merged.clone(), 16)
    assert torch.equal(first.left, again.left)
    assert torch.equal(first.right, again.right)


def test_a_large_matrix_without_change_is_kept_whole():
    best, energy = truncated(torch.zeros(200, 220), 16)
    assert energy == 1.0
    assert best.dense().abs().max() == 0
