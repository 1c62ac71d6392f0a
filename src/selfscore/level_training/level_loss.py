"""The losses of a distribution over levels against the true score.

Soft levels and fidelity are those of DeQA-Score (You et al., arXiv 2501.11561, section 3.3), the
fidelity loss itself that of FRank (Tsai et al., SIGIR 2007). Knows tensors; knows no model.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.special import log_ndtr


def divergence(log_p: Tensor, target: Tensor) -> Tensor:
    """KL(target ‖ p), the mean over images, in nats.

    Args:
        log_p: [B, levels] log-probability of each level among all that could follow, so that what
            falls on no level is lost.
        target: [B, levels], rows sum to 1.
    """
    return (torch.xlogy(target, target) - target * log_p).sum(dim=-1).mean()


def expected_level(log_p: Tensor) -> Tensor:
    """[B] the mean of the levels, 0 … levels - 1, what falls on no level left out.

    Args:
        log_p: [B, levels] log-probability of each level.
    """
    return log_p.softmax(dim=-1) @ torch.arange(log_p.shape[1]).to(log_p)


def unscored(log_p: Tensor) -> Tensor:
    """-log Σ p, the mean over images, in nats: how likely no level is written at all.

    Args:
        log_p: [B, levels] log-probability of each level among all that could follow.
    """
    return -log_p.logsumexp(dim=-1).mean()


def fidelity(expected: Tensor, position: Tensor, spread: Tensor) -> Tensor:
    """How far the order of the expected levels is from that of the true scores; 0 … 1.

    The mean of 1 - √(p̂ p*) - √((1 - p̂)(1 - p*)) over the pairs of images, p̂ = Φ((ŝ_a - ŝ_b) / √2),
    p* = Φ((μ_a - μ_b) / √(σ_a² + σ_b²)): 0, ½ or 1 without a spread. 0 where there is no pair.

    Args:
        expected: [B] ŝ, in levels.
        position: [B] μ, the true score in levels.
        spread: [B] σ, of the raters, in levels; 0 where it is not known.
    """
    a, b = torch.triu_indices(len(expected), len(expected), offset=1, device=expected.device)
    if len(a) == 0:
        return expected.sum() * 0
    ahead = (expected[a] - expected[b]) / 2**0.5
    by = position[a] - position[b]
    sigma = torch.hypot(spread[a], spread[b])
    truly, falsely = (
        torch.where(sigma > 0, _root_ndtr(of / sigma.clamp(min=1e-6)), _sign(of).sqrt())
        for of in (by, -by)
    )
    return (1 - truly * _root_ndtr(ahead) - falsely * _root_ndtr(-ahead)).mean()


def in_order(expected: Tensor, position: Tensor) -> Tensor:
    """Share of the pairs of images, those with one true score left out, that are in its order."""
    a, b = torch.triu_indices(len(expected), len(expected), offset=1, device=expected.device)
    by = position[a] - position[b]
    return ((expected[a] - expected[b]) * by > 0)[by != 0].float().mean()


def _root_ndtr(x: Tensor) -> Tensor:
    """√Φ(x), whose gradient stays a number, and whose digits are right, where Φ(x) is nearly 0."""
    return (0.5 * log_ndtr(x)).exp()


def _sign(difference: Tensor) -> Tensor:
    """1 above 0, 0 below it, ½ between."""
    return 0.5 + 0.5 * difference.sign()
