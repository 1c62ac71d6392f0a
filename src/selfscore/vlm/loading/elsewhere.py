"""A policy where the machine's engine computes: in this process, or in workers that load it.

Knows engines and how a policy is loaded; knows no batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

import torch

from selfscore.cluster.batches import RayEngine
from selfscore.vlm.loading.loader import decoder_name, leaves_tower, load_outline, load_vlm
from selfscore.vlm.loading.strength import with_dial
from selfscore.vlm.model import VLM

if TYPE_CHECKING:
    from selfscore.vlm.batches import Engine
    from selfscore.vlm.options import LoadOptions, Machine
    from selfscore.vlm.policy import LoraAdapter, Policy

_building = Lock()


def load_for(machine: Machine, policy: Policy, adapters: Sequence[LoraAdapter] = ()) -> VLM:
    """The policy with `adapters` on top of it, for work that goes through `in_batches`.

    Raises:
        FileNotFoundError: as `load_vlm`.
        ModuleNotFoundError: as `load_vlm`.
        RuntimeError: as `load_vlm`.
        ValueError: as `load_vlm`.
    """
    if machine.engine == "local":
        return load_vlm(policy, adapters, machine.loading)
    return _outline(machine, policy, adapters, partial(load_vlm, policy, adapters, machine.loading))


def dialled_for(machine: Machine, policy: Policy, adapter: LoraAdapter) -> Callable[[float], VLM]:
    """The policy with an adapter at a strength, see `with_dial`; one strength at a time.

    Raises:
        FileNotFoundError: as `load_vlm`.
        ModuleNotFoundError: as `load_vlm`.
        RuntimeError: as `load_vlm`.
        ValueError: as `load_vlm`.
    """
    if machine.engine == "local":
        vlm, turn = with_dial(load_vlm(policy, options=machine.loading), adapter)

        def at(strength: float) -> VLM:
            turn(strength)
            return vlm

        return at

    load = partial(_load_dialled, policy, adapter, machine.loading)
    return lambda strength: _outline(machine, policy, [adapter], partial(load, strength))


def engine_of(machine: Machine) -> Engine | None:
    """What computes the batches of work that goes through `in_batches`; None: this process."""
    return RayEngine(machine.ray) if machine.engine == "ray" else None


@dataclass(frozen=True)
class _Outline(VLM):
    """A policy in the memory of workers: here it has its processor and its shapes, no weights.

    What refers to it can be sent to a worker, and refers to the loaded policy there.
    """

    load: Callable[[], VLM] | None = None

    def __reduce__(self) -> tuple[Callable[..., VLM], tuple[Any, ...]]:
        return _load_in_worker, (self.load, torch.get_num_threads())


def _outline(
    machine: Machine, policy: Policy, adapters: Sequence[LoraAdapter], load: Callable[[], VLM]
) -> VLM:
    # transformers changes settings of the whole process while it builds a model, and nodes that
    # wait for workers may do so in threads.
    with _building:
        vlm = load_outline(policy)
    decoder = decoder_name(vlm.model)
    folded = ([policy.adapter] if policy.adapter else []) + list(adapters)
    return _Outline(
        vlm.model,
        vlm.processor,
        vlm.base_model,
        all(leaves_tower(adapter, decoder) for adapter in folded),
        vlm.content,
        engine_of(machine),
        load,
    )


def _load_in_worker(load: Callable[[], VLM], threads: int) -> VLM:
    # Sums are taken in the same order as in the process that asks, to the last bit.
    torch.set_num_threads(threads)
    return load()


def _load_dialled(
    policy: Policy, adapter: LoraAdapter, loading: LoadOptions, strength: float
) -> VLM:
    vlm, turn = with_dial(load_vlm(policy, options=loading), adapter)
    turn(strength)
    return vlm
