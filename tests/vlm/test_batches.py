import logging
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from interrupted import Killed, Parts

from selfscore.vlm.batches import ShrinkingBatch, in_batches
from selfscore.vlm.options import Decoding
from selfscore.vlm.reading import features
from selfscore.vlm.reading.features import ImageEncoder, store_features
from selfscore.vlm.reading.log_probabilities import answer_log_probabilities
from selfscore.vlm.response import Prompts, write_response
from selfscore.vlm.writing.generation import Request, generate
from selfscore.vlm.writing.prediction import level_probabilities, predict_images

# Rows of the model that its memory is said to hold.
MOST = 2


def allocate(rows, most=MOST):
    """Torch's allocator has no room for more than `most` rows: no computer has that many bytes."""
    if rows > most:
        torch.empty(2**60, dtype=torch.uint8)


def run(rows, size, checkpoint, compute=None, name="x"):
    batches = in_batches(
        rows,
        size,
        compute or (lambda batch: [row / 3 for row in batch]),
        checkpoint,
        name=name,
        description="working",
        unit=" rows",
    )
    return [result for batch in batches for result in batch]


# Rows that `repr` tells apart, as is asked of them; NaN is one of them, and never equal to itself.
@given(st.lists(st.floats(), unique_by=repr), st.integers(1, 7), st.integers(0, 9))
def test_killed_anywhere_it_ends_with_the_same_and_does_nothing_twice(rows, size, stored):
    seen = []

    def compute(batch):
        seen.append(tuple(batch))
        return [[row / 3, repr(row), None] for row in batch]

    whole = run(rows, size, None, compute)
    in_one_go, checkpoint = seen.copy(), Parts(stored)
    assert [row for batch in in_one_go for row in batch] == rows
    seen.clear()
    try:
        run(rows, size, checkpoint, compute)
    except Killed:
        seen.pop()
    # Compared as text, because no NaN equals another.
    assert repr(run(rows, size, dict(checkpoint), compute)) == repr(whole)
    assert repr(seen) == repr(in_one_go)


def test_what_is_kept_lies_in_many_folders():
    checkpoint = {}
    run(list(range(5000)), 1, checkpoint)
    folders = Counter(name.rsplit("/", 1)[0] for name in checkpoint)
    assert len(folders) == 256 and max(folders.values()) < 60
    assert all(folder.startswith("x/") for folder in folders)


def test_an_engine_may_give_results_in_any_order_and_each_is_kept_at_once():
    kept_at = []

    def backwards(work, batches):
        for place in reversed(range(len(batches))):
            kept_at.append(len(checkpoint))
            yield place, work(batches[place])

    checkpoint = {}
    batches = in_batches(
        [3, 6, 9, 12, 15],
        2,
        lambda batch: [row / 3 for row in batch],
        checkpoint,
        name="x",
        description="working",
        unit=" rows",
        engine=backwards,
    )
    assert [row for batch in batches for row in batch] == [1, 2, 3, 4, 5]
    assert kept_at == [0, 1, 2]
    assert run([3, 6, 9, 12, 15], 2, checkpoint, lambda batch: pytest.fail("done already"))


def test_what_was_done_for_other_rows_or_under_another_name_is_not_taken():
    checkpoint = {}
    assert run([3, 6], 2, checkpoint) == [1, 2]
    assert run([3, 9], 2, checkpoint) == [1, 3]
    assert run([3, 6], 2, checkpoint, lambda batch: ["y"] * len(batch), name="y") == ["y", "y"]
    assert run([3, 6], 2, checkpoint, lambda batch: pytest.fail("done already")) == [1, 2]
    assert len(checkpoint) == 3


def test_the_bar_starts_with_what_is_done_already(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    checkpoint, shown = {}, []
    run([1, 2, 3, 4, 5], 2, checkpoint)
    del checkpoint[list(checkpoint)[1]]
    capsys.readouterr()

    def compute(batch):
        shown.append(capsys.readouterr().err)
        return batch

    run([1, 2, 3, 4, 5], 2, checkpoint, compute)
    assert len(shown) == 1 and " 3/5 " in shown[0]
    assert " 5/5 " in capsys.readouterr().err


def allocating(most, seen):
    """Doubles numbers, at most `most` together."""

    def compute(rows):
        seen.append(len(rows))
        allocate(len(rows), most)
        return [2 * row for row in rows]

    return compute


def test_out_of_memory_halves_the_batch_and_those_after_it(caplog):
    room, seen = ShrinkingBatch("some.batch_size"), []
    compute = allocating(3, seen)
    with caplog.at_level(logging.WARNING):
        assert room.fit(compute, range(16)) == [2 * row for row in range(16)]
        assert seen == [16, 8, 4, *[2] * 8]
        seen.clear()
        assert room.fit(compute, [1, 2, 3, 4, 5]) == [2, 4, 6, 8, 10]
    assert seen == [2, 2, 1]
    assert caplog.messages == [
        "Memory ran out with 16 rows together; from here on at most 2 are. Set `some.batch_size` "
        "to 2 to save the failed try."
    ]


@settings(max_examples=15)  # each halving collects garbage
@given(st.integers(1, 40), st.integers(1, 12), st.lists(st.integers(), max_size=60))
def test_whatever_fits_no_row_is_lost_or_moved(size, most, rows):
    room, compute = ShrinkingBatch("batch_size"), allocating(most, [])
    fitted = run(rows, size, None, lambda batch: room.fit(compute, batch))
    assert fitted == [2 * row for row in rows]


def test_a_row_that_does_not_fit_alone_is_named():
    with pytest.raises(MemoryError, match=r"'picture 3' does not fit.*loading.quantization`"):
        ShrinkingBatch("batch_size").fit(allocating(0, []), [3, 4], lambda row: f"picture {row}")


def test_other_errors_are_not_tried_again():
    seen = []

    def compute(rows):
        seen.append(len(rows))
        raise RuntimeError("CUDA error: device-side assert triggered")

    with pytest.raises(RuntimeError, match="device-side assert"):
        ShrinkingBatch("batch_size").fit(compute, [1, 2])
    assert seen == [2]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's addresses")
def test_texts_are_written_where_memory_is_short(tmp_path):
    """A process that may take 60 MB more than it has after loading; the batch needs 200."""
    written = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("short_of_memory.py")), str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert written.returncode == 0, written.stderr
    assert written.stderr.count("Memory ran out with 4000 rows together") == 1
    assert "Set `data_generation.decoding.batch_size` to" in written.stderr


def test_numbers_come_back_to_the_last_bit():
    numbers = [0.1 + 0.2, 5e-324, -1e308, math.pi, float("inf")]
    assert run(numbers, 2, None, list) == numbers


@pytest.fixture
def cramped(vlm, monkeypatch):
    """A model, and its tower, with memory for few rows only."""
    run_tower = features.run_tower

    def cramped_tower(model, inputs):
        allocate(len(inputs.get("image_grid_thw", inputs["pixel_values"])))
        return run_tower(model, inputs)

    hook = vlm.model.base_model.register_forward_pre_hook(
        lambda module, args, kwargs: allocate(len(kwargs["input_ids"])), with_kwargs=True
    )
    monkeypatch.setattr(features, "run_tower", cramped_tower)
    yield vlm
    hook.remove()


def written(vlm, images, size):
    rows = [Request(key, "Rate it.", start, 3) for key in images for start in ("", "#Score: 3")]
    responses = generate(ImageEncoder(vlm, images), rows, Decoding(1.0, 6, size), "writing")
    return [row.text for row in responses]


def predicted(vlm, images, size):
    prompts, decoding = Prompts("Rate it.", "Why {level}?"), Decoding(1.0, 6, size)
    rows = predict_images(ImageEncoder(vlm, images), list(images), prompts, 10, decoding, seed=0)
    return np.stack([row.probabilities for row in rows])


def scored(vlm, images, size):
    return level_probabilities(ImageEncoder(vlm, images), list(images), "Rate it.", 10, size)


def weighed(vlm, images, size):
    answers = [[write_response(3, "It is sharp.")] for _ in images]
    encoder = ImageEncoder(vlm, images)
    return answer_log_probabilities(encoder, list(images), answers, "Rate it.", size)


def encoded(vlm, images, size):
    stored = store_features(vlm, images, list(images), size, 1e9).images
    return [row.tokens.float().sum().item() for row in stored.values()]


@pytest.mark.parametrize(
    ("work", "setting"),
    [
        (written, "data_generation.decoding.batch_size"),
        (predicted, "evaluation.decoding.batch_size"),
        (scored, "evaluation.decoding.batch_size"),
        (weighed, "preference_building.batch_size"),
        (encoded, "image_features.batch_size"),
    ],
)
def test_out_of_memory_it_goes_on_with_fewer_and_says_so_once(
    cramped, images, caplog, work, setting
):
    expected = work(cramped, images, MOST)
    with caplog.at_level(logging.WARNING):
        found = work(cramped, images, 5)
    (message,) = [text for text in caplog.messages if "Memory ran out" in text]
    assert f"with 5 rows together; from here on at most 2 are. Set `{setting}` to 2" in message
    if work is written:
        assert found == expected
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
