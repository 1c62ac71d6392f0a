"""The losses against numpy and scipy, pair by pair as they are written in the papers."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy, norm

from selfscore.level_training.level_loss import (
    divergence,
    expected_level,
    fidelity,
    in_order,
    unscored,
)

SEEDS = st.integers(0, 2**16)


def tensors(seed, images, levels):
    """Log-probabilities that leave some mass to what is no level, targets, positions, spreads."""
    random = np.random.default_rng(seed)
    open_ = random.dirichlet(np.ones(levels + 1), images)[:, :levels]
    target = random.dirichlet(np.full(levels, 0.3), images)
    target[0] = np.eye(levels)[0]
    position = random.integers(0, levels, images).astype(float)
    spread = random.uniform(0.2, 3, images) * random.integers(0, 2, images)
    return open_, target, position, spread


def by_hand(expected, position, spread):
    terms = []
    for a, b in itertools.combinations(range(len(expected)), 2):
        sigma = np.sqrt(spread[a] ** 2 + spread[b] ** 2)
        agreement = 0
        for side in (1, -1):
            by = side * (position[a] - position[b])
            truly = norm.cdf(by / sigma) if sigma > 0 else {-1: 0.0, 0: 0.5, 1: 1.0}[np.sign(by)]
            found = norm.cdf(side * (expected[a] - expected[b]) / np.sqrt(2))
            agreement += np.sqrt(found * truly)
        terms.append(1 - agreement)
    return np.mean(terms)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_nearly_certain_keeps_its_digits(dtype):
    """Of 1 - Φ(5.3) single precision has one digit, and its root counts here."""
    expected, position = torch.tensor([[-1.0, 1.0], [7.5, 0.0]], dtype=dtype)
    spread = torch.ones(2, dtype=dtype)
    by_digits = by_hand(expected.numpy().astype(float), position.numpy().astype(float), np.ones(2))
    assert float(fidelity(expected, position, spread)) == pytest.approx(by_digits, rel=2e-6)


@given(seed=SEEDS, images=st.integers(2, 9), levels=st.integers(2, 12))
def test_they_are_what_the_papers_write(seed, images, levels):
    open_, target, position, spread = tensors(seed, images, levels)
    log_p = torch.tensor(open_).log()
    expected = (
        torch.tensor(open_ / open_.sum(axis=1, keepdims=True)) @ torch.arange(levels).double()
    )
    rest = np.column_stack([target, np.zeros(images)])
    whole = np.column_stack([open_, 1 - open_.sum(axis=1)])
    assert float(divergence(log_p, torch.tensor(target))) == pytest.approx(
        entropy(rest, whole, axis=1).mean()
    )
    found = fidelity(expected, torch.tensor(position), torch.tensor(spread))
    assert float(found) == pytest.approx(by_hand(expected.numpy(), position, spread), abs=1e-9)
    assert -1e-9 <= float(found) <= 1


def test_the_right_distributions_cost_nothing():
    target = torch.tensor([[0.0, 0.25, 0.75], [1.0, 0.0, 0.0]])
    assert float(divergence(target.clamp(min=1e-30).log(), target)) == pytest.approx(0, abs=1e-6)
    far = torch.tensor([0.0, 200.0])
    loss = fidelity(far, torch.tensor([0.0, 100.0]), torch.zeros(2))
    assert float(loss) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("expected", [[0.0, 100.0], [100.0, 0.0], [3.0, 3.0]])
def test_gradients_are_numbers_however_far_apart(expected):
    """With 101 levels Φ is 0 in single precision, and the slope of its root none."""
    levels = torch.tensor(expected, requires_grad=True)
    fidelity(levels, torch.tensor([0.0, 100.0]), torch.zeros(2)).backward()
    assert levels.grad.isfinite().all()


@pytest.mark.parametrize("expected", [[3.0, 3.0], [4.0, 3.0], [8.0, 0.0]])
def test_images_in_the_wrong_order_are_pulled_apart(expected):
    levels = torch.tensor(expected, requires_grad=True)
    fidelity(levels, torch.tensor([2.0, 5.0]), torch.zeros(2)).backward()
    assert levels.grad[0] > 0 > levels.grad[1]


def test_one_image_alone_has_no_order():
    alone = torch.tensor([4.0], requires_grad=True)
    loss = fidelity(alone, torch.tensor([1.0]), torch.zeros(1))
    loss.backward()
    assert float(loss.detach()) == 0 and float(alone.grad) == 0


def test_pairs_with_one_score_are_in_no_order():
    found = in_order(torch.tensor([1.0, 2.0, 0.0]), torch.tensor([1.0, 3.0, 3.0]))
    assert float(found) == 0.5


@given(seed=SEEDS, images=st.integers(1, 9), levels=st.integers(2, 12))
def test_what_falls_on_no_level_is_what_is_unscored(seed, images, levels):
    likely, *_ = tensors(seed, images, levels)
    missing = 1 - likely.sum(axis=1)
    found = unscored(torch.from_numpy(likely).log())
    assert float(found) == pytest.approx(-np.log(1 - missing).mean(), rel=1e-9)


@given(seed=SEEDS, images=st.integers(1, 9), levels=st.integers(2, 12))
def test_the_expected_level_is_the_mean_of_those_that_are_levels(seed, images, levels):
    likely, *_ = tensors(seed, images, levels)
    expected = np.average(np.tile(np.arange(levels), (images, 1)), axis=1, weights=likely)
    found = expected_level(torch.from_numpy(likely).log())
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9, atol=1e-12)
