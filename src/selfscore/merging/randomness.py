"""Draws that depend on a name alone, whatever was drawn before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(name: str) -> Iterator[None]:
    """Within, torch's CPU generator starts from a seed made of `name`; afterwards it is as before.

    For functions that draw from the global generator and take no other.
    """
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    # Not torch.manual_seed: that would reseed the accelerators too, which are not restored here.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
