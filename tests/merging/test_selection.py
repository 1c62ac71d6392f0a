import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mergekit.sparsify import magnitude, magnitude_outliers

from selfscore.merging.selection import keep_largest, keep_middle

shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))
shares = st.floats(0.01, 1.0)


def distinct(shape, seed):
    """Random signs, and magnitudes of which no two are equal."""
    generator = torch.Generator().manual_seed(seed)
    size = shape[0] * shape[1]
    magnitudes = torch.randperm(size, generator=generator).float() + 1
    signs = 2.0 * torch.randint(0, 2, (size,), generator=generator) - 1
    return (magnitudes * signs).reshape(shape)


@settings(deadline=None)
@given(shape=shapes, density=shares, seed=st.integers(0, 1000))
def test_the_largest_are_those_mergekit_keeps(shape, density, seed):
    change = distinct(shape, seed)
    assert torch.equal(keep_largest(change, density), magnitude(change, density))


@settings(deadline=None)
@given(shape=shapes, density=shares, gamma=st.floats(0, 0.99), seed=st.integers(0, 1000))
def test_the_middle_is_what_mergekit_keeps(shape, density, gamma, seed):
    change = distinct(shape, seed)
    theirs = magnitude_outliers(change, density, gamma=gamma)
    assert torch.equal(keep_middle(change, density, gamma), theirs)


@settings(deadline=None)
@given(shape=shapes, density=shares, gamma=st.floats(0, 0.99), seed=st.integers(0, 1000))
def test_of_equal_magnitudes_as_many_stay_as_with_mergekit(shape, density, gamma, seed):
    """Which of them, mergekit leaves open; how many of each magnitude, it does not."""
    generator = torch.Generator().manual_seed(seed)
    change = torch.randint(-3, 4, shape, generator=generator).float()
    for ours, theirs in (
        (keep_largest(change, density), magnitude(change, density)),
        (keep_middle(change, density, gamma), magnitude_outliers(change, density, gamma=gamma)),
    ):
        assert torch.equal(ours.abs().flatten().sort().values, theirs.abs().flatten().sort().values)
        assert torch.equal(ours[ours != 0], change[ours != 0])


def test_of_equal_magnitudes_the_first_stay():
    change = torch.tensor([[1.0, -1.0, 1.0], [-2.0, 1.0, 1.0]])
    assert keep_largest(change, 0.5).tolist() == [[1.0, -1.0, 0.0], [-2.0, 0.0, 0.0]]


@pytest.mark.parametrize("density", [1e-5, 0.1, 0.5, 0.999])
@pytest.mark.parametrize("misleading", [False, True])
def test_of_many_entries_those_of_mergekit_stay(density, misleading):
    """More than are in the sample that shows where the border lies, which sees every third here."""
    change = distinct((4096, 3), seed=1)
    if misleading:
        in_order = change.flatten()[change.abs().flatten().argsort()]
        change = in_order.reshape(3, 4096).T.contiguous()
    assert torch.equal(keep_largest(change, density), magnitude(change, density))
