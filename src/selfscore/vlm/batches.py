"""Work that takes long, batch by batch: what is done is kept, and what does not fit is halved.

Knows rows, batches and memory; knows no model and no file.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Generator, Iterator, MutableMapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

from selfscore.running.bar import Bar

logger = logging.getLogger(__name__)

Row = TypeVar("Row")
Result = TypeVar("Result")


class Engine(Protocol):
    """What computes batches."""

    def __call__(
        self, work: Callable[[Sequence[Any]], bytes], batches: Sequence[Sequence[Any]]
    ) -> Generator[tuple[int, bytes], None, None]:
        """What `work` makes of each batch, and the batch's place; in any order.

        Args:
            work: the same for all batches.
            batches: none is computed long before its result is asked for.
        """


def in_this_process(
    work: Callable[[Sequence[Any]], bytes], batches: Sequence[Sequence[Any]]
) -> Generator[tuple[int, bytes], None, None]:
    """The engine that computes one batch after the other, each when it is asked for."""
    for place, batch in enumerate(batches):
        yield place, work(batch)


def to_json(results: Sequence[Any]) -> bytes:
    """Results as JSON; floats come back as they were, to the last bit."""
    return json.dumps(list(results)).encode()


@dataclass(frozen=True)
class Form:
    """How a batch's results are stored.

    Attributes:
        write: the results as bytes.
        read: the inverse of `write`.
    """

    write: Callable[[Sequence[Any]], bytes]
    read: Callable[[bytes], list[Any]]


JSON = Form(to_json, json.loads)


def in_batches(
    rows: Sequence[Row],
    size: int,
    compute: Callable[[Sequence[Row]], list[Any]],
    checkpoint: MutableMapping[str, bytes] | None,
    *,
    name: str,
    description: str,
    unit: str,
    engine: Engine | None = None,
    form: Form = JSON,
) -> Iterator[list[Any]]:
    """Results of the rows, a batch at a time, with a progress bar.

    The batches are those of all rows in their order, whatever is done already: results may depend
    in their last bits on what is computed together, so work that goes on after a stop cuts the same
    batches as work that was never stopped. What is given back has always been through `form`, so
    it does not tell whether it was computed now or earlier.

    Args:
        rows: in the order of their computation. Their `repr` must tell them apart.
        size: rows in a batch; the last one may be smaller.
        compute: one result a row.
        checkpoint: parts by name: those that are there are not computed, and the others are put in
            as soon as they are. It belongs to one model with one set of settings. None keeps
            nothing.
        name: of the computation, where several share `checkpoint`.
        description: of the progress bar.
        unit: of the progress bar.
        engine: computes the batches; None: this process.
        form: of a batch's results.
    """
    batches = [rows[start : start + size] for start in range(0, len(rows), size)]
    parts = [f"{name}/{_part(batch)}" for batch in batches]
    kept = set(checkpoint or ())
    missing = [place for place, part in enumerate(parts) if part not in kept]
    before = len(rows) - sum(len(batches[place]) for place in missing)
    computing = _Computing(
        engine or in_this_process, _Work(compute, form.write), batches, parts, checkpoint
    )
    # What was done earlier took no time now: counted apart, the rate stays honest.
    with (
        Bar(total=len(rows), initial=before, desc=description, unit=unit) as progress,
        closing(computing.results(missing)) as results,
    ):
        for place, part in enumerate(parts):
            if part not in kept:
                stored = next(results)
                progress.update(len(batches[place]))
            else:
                stored = computing.kept(place)
            yield form.read(stored)


@dataclass(frozen=True)
class _Work:
    """From a batch to its results as bytes."""

    compute: Callable[[Sequence[Any]], list[Any]]
    write: Callable[[Sequence[Any]], bytes]

    def __call__(self, batch: Sequence[Any]) -> bytes:
        return self.write(self.compute(batch))


@dataclass(frozen=True)
class _Computing:
    """Batches, what computes them, and where the results are kept."""

    engine: Engine
    work: _Work
    batches: Sequence[Sequence[Any]]
    parts: Sequence[str]
    checkpoint: MutableMapping[str, bytes] | None

    def results(self, places: Sequence[int]) -> Generator[bytes, None, None]:
        """Those of the batches at these places, in their order; kept as soon as they are there."""
        early: dict[int, bytes] = {}
        with closing(self.engine(self.work, [self.batches[place] for place in places])) as arriving:
            for turn in range(len(places)):
                while turn not in early:
                    number, result = next(arriving)
                    if self.checkpoint is not None:
                        self.checkpoint[self.parts[places[number]]] = result
                    early[number] = result
                yield early.pop(turn)

    def kept(self, place: int) -> bytes:
        """The result of a batch that is in the checkpoint; computed again if it is damaged."""
        stored = None if self.checkpoint is None else self.checkpoint.get(self.parts[place])
        return next(self.results([place])) if stored is None else stored


class Part(MutableMapping[str, bytes]):
    """A part of a checkpoint, for a computation that is made several times with other settings.

    Args:
        whole: the checkpoint.
        name: of the part.
    """

    def __init__(self, whole: MutableMapping[str, bytes], name: str) -> None:
        self._whole = whole
        self._start = f"{name}/"

    def __getitem__(self, key: str) -> bytes:
        return self._whole[self._start + key]

    def __setitem__(self, key: str, value: bytes) -> None:
        self._whole[self._start + key] = value

    def __delitem__(self, key: str) -> None:
        del self._whole[self._start + key]

    def __iter__(self) -> Iterator[str]:
        starts = len(self._start)
        return (key[starts:] for key in self._whole if key.startswith(self._start))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class ShrinkingBatch:
    """How many rows fit into memory together; learnt when they do not.

    After a halving, results may differ in their last bits from those of whole batches, because
    fewer rows are padded together.

    Args:
        setting: what the user calls the number of rows in a batch.
    """

    def __init__(self, setting: str) -> None:
        self._setting = setting
        self._most: int | None = None

    def fit(
        self,
        compute: Callable[[Sequence[Row]], Sequence[Result]],
        rows: Sequence[Row],
        name: Callable[[Row], str] = str,
    ) -> list[Result]:
        """Compute the rows together, or, out of memory, half as many, and so on.

        Args:
            compute: one result a row.
            rows: a batch.
            name: of a row, for the error.

        Raises:
            MemoryError: a single row does not fit.
        """
        before = min(self._most or len(rows), len(rows))
        most = self._most
        results: list[Result] = []
        while len(results) < len(rows):
            piece = rows[len(results) : len(results) + (self._most or len(rows))]
            results += self._attempt(compute, piece, name)
        if self._most != most:
            logger.warning(
                "Memory ran out with %d rows together; from here on at most %d are. Set `%s` to "
                "%d to save the failed try.",
                before,
                self._most,
                self._setting,
                self._most,
            )
        return results

    def _attempt(
        self,
        compute: Callable[[Sequence[Row]], Sequence[Result]],
        rows: Sequence[Row],
        name: Callable[[Row], str],
    ) -> Sequence[Result]:
        """The results; none, and half as much room, if memory ran out."""
        try:
            return compute(rows)
        except RuntimeError as error:
            if not should_reduce_batch_size(error):
                raise
            if len(rows) == 1:
                raise MemoryError(
                    f"'{name(rows[0])}' does not fit into memory on its own. Use smaller pictures "
                    "(`model.processor`), weights that take less room (`machine.loading.dtype`, "
                    "`machine.loading.quantization`), or a machine with more memory."
                ) from error
        # Only here has the error let go of what the failed try had allocated.
        clear_device_cache(garbage_collection=True)
        self._most = len(rows) // 2
        return []


def _part(batch: Sequence[Any]) -> str:
    """What a batch's results are called, below one of 256 names: no folder gets too full."""
    digest = hashlib.sha256(repr(list(batch)).encode()).hexdigest()
    return f"{digest[:2]}/{digest[2:16]}"
