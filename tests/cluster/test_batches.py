"""Workers of Ray compute what this process computes, whatever becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny_vlm
import work_in_workers
from cards import MACHINE, PROMPTS
from interrupted import killed_and_begun_again
from random_adapter import random_adapter

from selfscore.cluster import batches
from selfscore.cluster.batches import RayEngine
from selfscore.cluster.settings import RayOptions
from selfscore.judging.frozen_model import FrozenModelJudge
from selfscore.running.own_errors import is_our_own
from selfscore.vlm.batches import in_batches
from selfscore.vlm.images import RefusedPictureError
from selfscore.vlm.loading.elsewhere import dialled_for, load_for
from selfscore.vlm.model import VLM
from selfscore.vlm.options import Decoding, Machine
from selfscore.vlm.policy import Policy
from selfscore.vlm.reading.features import ImageEncoder, store_features
from selfscore.vlm.reading.log_probabilities import answer_log_probabilities
from selfscore.vlm.response import write_response
from selfscore.vlm.writing.generation import Request, generate
from selfscore.vlm.writing.prediction import level_probabilities, predict_images

pytestmark = [pytest.mark.ray, pytest.mark.slow]
TWO = RayOptions(workers=2, cpus=1, gpus=0)
IMAGES = tiny_vlm.pictures(5)
KEYS = list(IMAGES)


@pytest.fixture(scope="module")
def by_workers(one_machine: None) -> Machine:
    return replace(MACHINE, engine="ray", ray=TWO)


@pytest.fixture(scope="module")
def trained(idefics3: Policy) -> Policy:
    return replace(idefics3, adapter=random_adapter(idefics3.base_model, 0))


def encoded(vlm: VLM) -> Any:
    stored = store_features(vlm, IMAGES, KEYS, 2, 1e9)
    return [stored.images[key].tokens.tolist() for key in KEYS]


def written(vlm: VLM) -> Any:
    requests = [Request(key, "Rate it.", start, 3) for key in KEYS for start in ("", "#Score: 3")]
    return generate(ImageEncoder(vlm, IMAGES), requests, Decoding(1.0, 6, 4), "writing")


def weighed(vlm: VLM) -> Any:
    answers = [[write_response(3, "It is sharp.")] for _ in KEYS]
    return answer_log_probabilities(ImageEncoder(vlm, IMAGES), KEYS, answers, "Rate it.", 2)


def predicted(vlm: VLM) -> Any:
    encoder = ImageEncoder(vlm, IMAGES)
    rows = predict_images(encoder, KEYS, PROMPTS, 10, Decoding(1.0, 6, 2), seed=0)
    return [(row.response, row.probabilities.tolist()) for row in rows]


def scored(vlm: VLM) -> Any:
    return level_probabilities(ImageEncoder(vlm, IMAGES), KEYS, "Rate it.", 10, 2).tolist()


def judged(vlm: VLM) -> Any:
    judge = FrozenModelJudge(vlm, "Rate it.", 10, batch_size=8)
    return judge.infer_levels(["It is sharp.", "It is blurred."]).tolist()


@pytest.mark.parametrize("work", [encoded, written, weighed, predicted, scored, judged])
def test_workers_compute_the_same_to_the_last_bit(
    trained: Policy, by_workers: Machine, work: Callable[[VLM], Any]
) -> None:
    assert work(load_for(by_workers, trained)) == work(load_for(MACHINE, trained))


def test_an_adapter_at_a_strength_is_the_same_to_the_last_bit(
    idefics3: Policy, by_workers: Machine
) -> None:
    adapter = random_adapter(idefics3.base_model, 1)
    here, there = (dialled_for(machine, idefics3, adapter) for machine in (MACHINE, by_workers))
    assert scored(there(0.5)) == scored(here(0.5)) != scored(here(0.0))


def computed(
    compute: Callable[[Sequence[int]], list[Any]], checkpoint: Any, options: RayOptions = TWO
) -> list[Any]:
    results = in_batches(
        range(8),
        1,
        compute,
        checkpoint,
        name="x",
        description="working",
        unit=" rows",
        engine=RayEngine(options),
    )
    return [result for batch in results for result in batch]


def test_a_worker_that_is_lost_costs_its_batch(by_workers: Machine, tmp_path: Path) -> None:
    found = computed(partial(work_in_workers.thirds_of_a_killed, str(tmp_path)), {})
    assert found == work_in_workers.thirds(range(8))
    assert (tmp_path / "killed").exists()
    processes = {file.name.partition("_")[2] for file in tmp_path.glob("*_*")}
    assert len(processes) > 1


def test_what_was_stored_before_a_kill_is_not_computed_again(
    by_workers: Machine, tmp_path: Path
) -> None:
    compute = partial(work_in_workers.slow_thirds, str(tmp_path))
    found = killed_and_begun_again(
        lambda done: computed(compute, done),
        stored=3,
        between=lambda: [file.unlink() for file in tmp_path.iterdir()],
    )
    assert found == work_in_workers.thirds(range(8))
    assert len(list(tmp_path.iterdir())) == 5


def test_a_batch_that_ends_every_worker_ends_the_run(
    by_workers: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_TRIES", 1)
    with pytest.raises(RuntimeError, match="has ended 2 workers.*`machine.ray.workers`") as caught:
        computed(work_in_workers.kill, None)
    assert is_our_own(caught.value)


def test_an_error_arrives_as_what_it_is(by_workers: Machine) -> None:
    with pytest.raises(RefusedPictureError) as caught:
        computed(work_in_workers.refuse, None, replace(TWO, workers=1))
    assert str(caught.value).startswith("A processor does not take the picture '1.png' (too wide")
    assert set(caught.value.refused) == {"1.png"}


def test_a_fault_of_a_program_says_where_it_was_in_the_worker(by_workers: Machine) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        computed(work_in_workers.divide, None)
    (note,) = caught.value.__notes__
    assert "in divide" in note and not is_our_own(caught.value)


def test_a_model_that_is_gone_is_named(trained: Policy, by_workers: Machine, tmp_path) -> None:
    """A worker on another machine may not see the folder."""
    folder = tiny_vlm.save_idefics3(tmp_path / "model")
    vlm = load_for(by_workers, replace(trained, card=_over(trained, folder)))
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match="There is no model at.*Set `model.id`") as caught:
        scored(vlm)
    assert is_our_own(caught.value)


def _over(policy: Policy, folder: Path) -> Any:
    base = replace(policy.card.base_model, id=str(folder))
    return replace(policy.card, base_model=base)
