from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import stock
import torch
from kedro.io import DatasetError
from peft import PeftModel
from PIL import Image
from transformers import AutoModelForImageTextToText
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

import selfscore
from selfscore.datasets.policy import PolicyDataset
from selfscore.scoring import ScoredImage, Scorer
from selfscore.scoring.pictures import pictures as named
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.model import VLM
from selfscore.vlm.policy import Policy
from selfscore.vlm.reading.tokens import answer_ids


def distributions(results: Sequence[ScoredImage]) -> np.ndarray:
    return np.array([result.probabilities for result in results])


def test_a_result_says_all_there_is_to_say(
    scorer: Scorer, policy_folder: Path, pictures: list[Image.Image]
) -> None:
    result = scorer.score(pictures[:1])[0]
    assert result.name == "image 1"
    assert result.error is None
    assert result.probabilities is not None and sum(result.probabilities) == pytest.approx(1)
    assert result.level == int(np.argmax(result.probabilities))
    # Level k stands for 10 k points.
    assert result.score == pytest.approx(10 * np.arange(10) @ result.probabilities)
    origin = result.origin
    assert origin.policy == "policy_1"
    assert origin.digest == PolicyDataset(filepath=str(policy_folder)).load().digest
    assert origin.version == selfscore.__version__
    assert origin.scale == "points 0-90; scores can be 0.00 (level 0) to 90.00 (level 9)"


def test_out_of_memory_it_goes_on_with_fewer_and_names_what_does_not_fit(
    policy_folder: Path, pictures: list[Image.Image], caplog: pytest.LogCaptureFixture
) -> None:
    cramped, most = Scorer.load(policy_folder, batch_size=8, max_new_tokens=12), 4

    def allocate(module: object, args: object, kwargs: dict[str, torch.Tensor]) -> None:
        if len(kwargs["input_ids"]) > most:
            torch.empty(2**60, dtype=torch.uint8)

    expected = cramped.score(pictures)
    cramped._vlm.model.base_model.register_forward_pre_hook(allocate, with_kwargs=True)
    with caplog.at_level(logging.WARNING):
        found = cramped.score(pictures)
    np.testing.assert_allclose(distributions(found), distributions(expected), atol=1e-4)
    assert [row.explanation for row in found] == [row.explanation for row in expected]
    assert [text for text in caplog.messages if "Memory ran out" in text] == [
        "Memory ran out with 8 rows together; from here on at most 4 are. Set `batch_size` to 4 "
        "to save the failed try."
    ]
    most = 0
    with pytest.raises(MemoryError, match="'image 1' does not fit into memory on its own"):
        cramped.score(pictures)


def test_scores_do_not_depend_on_batch_size_order_or_padding(
    scorer: Scorer, policy_folder: Path, pictures: list[Image.Image]
) -> None:
    alone = Scorer.load(policy_folder, batch_size=1, max_new_tokens=12)
    lengths = {len(stock.encode(alone._vlm, p, "Rate it.", [])["input_ids"][0]) for p in pictures}
    assert len(lengths) > 1, "the batches of this test must be padded"
    expected = alone.score(pictures)
    together = scorer.score(pictures)
    turned = scorer.score(pictures[::-1])[::-1]
    assert scorer._vlm.model.dtype == torch.float32
    np.testing.assert_allclose(distributions(together), distributions(expected), atol=1e-4)
    np.testing.assert_allclose(distributions(turned), distributions(expected), atol=1e-4)
    texts = [result.explanation for result in expected]
    assert [result.explanation for result in together] == texts
    assert len(np.unique(distributions(expected).round(6), axis=0)) == len(pictures)


def test_leaving_the_explanation_out_changes_no_score(
    scorer: Scorer, pictures: list[Image.Image]
) -> None:
    explained, short = scorer.score(pictures[:6]), scorer.score(pictures[:6], explain=False)
    np.testing.assert_allclose(distributions(short), distributions(explained), atol=1e-6)
    assert all(result.explanation for result in explained)
    assert all(result.explanation is None for result in short)


def test_a_file_and_the_same_image_in_memory_get_the_same_score(
    scorer: Scorer, pictures: list[Image.Image], files: list[Path]
) -> None:
    read = scorer.score([str(file) for file in files[:3]], explain=False)
    assert [result.name for result in read] == [str(file) for file in files[:3]]
    kept = scorer.score(pictures[:3], explain=False)
    np.testing.assert_allclose(distributions(read), distributions(kept), atol=1e-6)


def test_an_image_in_memory_is_turned_upright_and_made_rgb_as_a_file_is(
    scorer: Scorer, pictures: list[Image.Image], tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    pictures[1].convert("L").save(tmp_path / "side.png", exif=exif)
    with Image.open(tmp_path / "side.png") as opened:
        memory, file = scorer.score([opened, tmp_path / "side.png"], explain=False)
        assert opened.size == pictures[1].size and opened.mode == "L", "it must be left as it is"
    np.testing.assert_allclose(distributions([memory]), distributions([file]), atol=1e-6)


def test_what_cannot_be_read_says_why_and_the_rest_is_scored(
    scorer: Scorer, files: list[Path], tmp_path: Path
) -> None:
    text = tmp_path / "notes.png"
    text.write_text("not an image")
    results = scorer.score([files[0], text, tmp_path / "gone.jpg", files[1]], explain=False)
    assert [result.error for result in results] == [
        None,
        "cannot be read as an image",
        "the file cannot be opened",
        None,
    ]
    assert results[1].score is results[1].level is results[1].probabilities is None
    expected = scorer.score(files[:2], explain=False)
    np.testing.assert_allclose(
        distributions([results[0], results[3]]), distributions(expected), atol=1e-4
    )


def test_a_picture_that_the_processor_refuses_is_its_own_fault_alone(
    policy_folder: Path, pictures: list[Image.Image]
) -> None:
    scorer = Scorer.load(policy_folder, max_new_tokens=4)
    processor = scorer._vlm.processor

    class AsQwenDoes(type(processor)):  # type: ignore[misc]
        def __call__(self, images: list[list[Image.Image]], **options: object) -> object:
            for (image,) in images:
                smart_resize(image.height, image.width)
            return super().__call__(images=images, **options)

    processor.__class__ = AsQwenDoes
    broad = Image.new("RGB", (1000, 3))
    expected = scorer.score(pictures[:5])
    found = scorer.score([*pictures[:2], broad, *pictures[2:5], broad])
    assert [bool(result.error) for result in found] == [False] * 2 + [True] + [False] * 3 + [True]
    assert found[2].error is not None
    assert found[2].error.startswith("the model does not take it (") and "ratio" in found[2].error
    assert found[2].score is None
    np.testing.assert_allclose(
        distributions([*found[:2], *found[3:6]]), distributions(expected), atol=1e-4
    )


def test_a_batch_without_a_readable_image(scorer: Scorer, tmp_path: Path) -> None:
    assert [result.error for result in scorer.score([tmp_path / "gone.png"])] == [
        "the file cannot be opened"
    ]
    assert scorer.score([]) == []


def test_images_are_opened_batch_by_batch(scorer: Scorer, pictures: list[Image.Image]) -> None:
    taken: list[str] = []

    def watched():
        for picture in named(pictures):
            taken.append(picture.name)
            yield picture

    results = scorer.score_each(watched(), explain=False)
    next(results)
    assert len(taken) == 16
    assert len(list(results)) == len(pictures) - 1


def test_a_stored_policy_loads_with_plain_peft_and_says_the_same(
    policy_folder: Path, base_model: Path, pictures: list[Image.Image]
) -> None:
    policy = PolicyDataset(filepath=str(policy_folder)).load()
    ours = load_vlm(policy)
    base = AutoModelForImageTextToText.from_pretrained(base_model, dtype=torch.float32)
    theirs = VLM(PeftModel.from_pretrained(base, policy_folder).eval(), ours.processor)
    answer = answer_ids(ours, "Rate it.", "#Score: 5\n#Explanation: It is blurred.")
    for picture in pictures[:3]:
        with torch.inference_mode():
            found = [
                stock.token_log_probabilities(vlm, picture, "Rate it.", answer)
                for vlm in (ours, theirs, load_vlm(Policy(policy.card)))
            ]
        torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-4)
        assert not torch.allclose(found[0], found[2], atol=1e-2), "the adapter must matter"


def test_a_moved_project_finds_its_base_model(
    write_policy: Callable[..., Path],
    base_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scorer: Scorer,
    pictures: list[Image.Image],
) -> None:
    shutil.copytree(base_model, tmp_path / "project/data/06_models/base")
    write_policy(tmp_path / "project/data/06_models/policy_1", model="data/06_models/base")
    monkeypatch.chdir(tmp_path)  # not where the base model's path counts from
    found = Scorer.load("project/data/06_models/policy_1")
    assert found.origin.model == "data/06_models/base"
    expected = scorer.score(pictures[:1], explain=False)
    np.testing.assert_allclose(
        distributions(found.score(pictures[:1], explain=False)), distributions(expected), atol=1e-6
    )


def test_a_policy_away_from_its_base_model_says_what_to_do(
    write_policy: Callable[..., Path], base_model: Path, tmp_path: Path
) -> None:
    folder = write_policy(tmp_path / "policy_1", model="data/06_models/nowhere")
    with pytest.raises(FileNotFoundError, match=r"policy_1.*data/06_models/nowhere.*base_model"):
        Scorer.load(folder)
    assert Scorer.load(folder, base_model=str(base_model)).origin.policy == "policy_1"


def test_the_newest_version_is_taken_and_none_stands_in_for_it(
    write_policy: Callable[..., Path], tmp_path: Path
) -> None:
    versions = tmp_path / "policy_1"
    times = ("2026-01-01T10.00.00.000Z", "2026-01-02T10.00.00.000Z", "2026-01-03T10.00.00.000Z")
    stored = [
        write_policy(versions / time / "policy_1", seed=seed) for seed, time in enumerate(times)
    ]
    expected = PolicyDataset(filepath=str(stored[2])).load().digest
    assert Scorer.load(versions).origin.digest == expected
    (stored[2] / "_complete.json").unlink()
    with pytest.raises(DatasetError, match=r"2026-01-03\S+ lost its _complete\.json"):
        Scorer.load(versions)
    with pytest.raises(FileNotFoundError, match="no complete policy"):
        Scorer.load(tmp_path)
