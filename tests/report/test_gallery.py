"""The pictures of the report: which are shown, and with what."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from stage_settings import reporting

from selfscore.preference_data.pairs import consistency_pairs, join_sides
from selfscore.report.gallery import gather_gallery, gather_pairs, thumbnail
from selfscore.vlm.response import parse_response


def gallery(reported: dict[str, Any], count: int) -> Any:
    settings = reporting(gallery={"images": count, "pixels": 24})
    return gather_gallery(
        reported["champion"],
        reported["answers_over_rounds"],
        reported["scored_images"],
        reported["raw_images"],
        settings,
    )


def test_images_are_spread_over_the_errors_with_both_ends(reported: dict[str, Any]) -> None:
    everything = gallery(reported, 1000)
    errors = everything["error"].abs()
    assert len(everything) == 40 and errors.is_monotonic_decreasing
    few = gallery(reported, 5)
    assert few["image_id"].iloc[0] == everything["image_id"].iloc[0]
    assert few["image_id"].iloc[-1] == everything["image_id"].iloc[-1]
    assert len(few) == 5


def test_before_and_after_belong_to_the_image(reported: dict[str, Any]) -> None:
    answers = reported["answers_over_rounds"].set_index(["round", "image_id"])
    number = reported["champion"]["round"]
    assert number == 2
    for row in gallery(reported, 7).to_dict("records"):
        for side, of_round in (("before", 0), ("after", number)):
            said = answers.loc[(of_round, row["image_id"])]
            assert row[f"{side}_explanation"] == said["explanation"]
            assert row[f"{side}_expected_score"] == said["expected_score"]
        assert row["error"] == pytest.approx(row["after_expected_score"] - row["score"])


def test_a_thumbnail_is_small_and_keeps_its_shape() -> None:
    picture = Image.fromarray(np.zeros((300, 600, 4), dtype=np.uint8), "RGBA")
    address = thumbnail(picture, 64)
    assert address.startswith("data:image/jpeg;base64,")
    opened = Image.open(io.BytesIO(base64.b64decode(address.split(",")[1])))
    assert opened.size == (64, 32)
    assert picture.size == (600, 300), "the picture itself stays as it is"


def test_the_pairs_are_those_that_are_trained_on(reported: dict[str, Any]) -> None:
    shown = reported["pairs_over_rounds"]
    trained = consistency_pairs(join_sides(reported["baseline.generations"])).set_index("image_id")
    assert len(shown) == 2 * 6 and set(shown["round"]) == {1, 2}
    for row in shown.to_dict("records"):
        pair = trained.loc[row["image_id"]]
        for side in ("chosen", "rejected"):
            parsed = parse_response(pair[side], levels=5)
            assert parsed is not None
            assert (parsed.level, parsed.explanation) == (row["level"], row[side])
        assert row["rejected_text_level"] == pair["rejected_text_level"]
        assert row["chosen_inferred"] == row["level"] + 0.25
        assert row["told_apart"] == 1.0


def test_pairs_that_were_not_judged_are_shown_without(reported: dict[str, Any]) -> None:
    texts = reported["baseline.generations"]
    read = reported["iteration_1.readings"]
    settings = reporting(gallery={"pairs": 12, "pixels": 24})
    table = gather_pairs(
        reported["policy_0"],
        texts,
        read[read["image_id"] != "train_3"],
        reported["scored_images"],
        reported["raw_images"],
        settings,
        0,
    ).set_index("image_id")
    assert np.isnan(table.loc["train_3", "told_apart"])
    assert table.drop("train_3")["told_apart"].notna().all()


def test_the_draw_depends_on_the_seed_alone(reported: dict[str, Any]) -> None:
    def drawn(seed: int) -> list[str]:
        table = gather_pairs(
            reported["policy_0"],
            reported["baseline.generations"],
            reported["iteration_1.readings"],
            reported["scored_images"],
            reported["raw_images"],
            reporting(gallery={"pairs": 6, "pixels": 24}),
            seed,
        )
        return list(table["image_id"])

    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)
