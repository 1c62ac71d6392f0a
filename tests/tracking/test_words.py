"""Names, addresses and descriptions of tracked runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfscore.tracking.words import Label, description, page_of, way_to

PAGE = page_of("1", "abc")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("/my/holiday", "iteration on holiday, 2026-01-31 09:05"),
        ("/my/holiday/images", "iteration on holiday, 2026-01-31 09:05"),
        ("images", "iteration on images, 2026-01-31 09:05"),
        (None, "iteration, 2026-01-31 09:05"),
    ],
)
def test_a_name_tells_what_on_which_images_and_when(folder: str | None, name: str) -> None:
    assert Label.of(folder, "2026-01-31T09.05.00.000Z").name("iteration") == name


@pytest.mark.parametrize(
    ("uri", "way"),
    [
        ("sqlite:////p/mlflow.db", f"make mlflow, then http://127.0.0.1:5000/{PAGE}"),
        ("sqlite:///mlflow.db", f"make mlflow, then http://127.0.0.1:5000/{PAGE}"),
        (
            "sqlite:////q/runs.db",
            "mlflow ui --backend-store-uri sqlite:////q/runs.db, then "
            f"http://127.0.0.1:5000/{PAGE}",
        ),
        ("https://<redacted>@host/", f"https://<redacted>@host/{PAGE}"),
    ],
)
def test_the_way_to_a_run_is_one_that_can_be_gone(uri: str, way: str) -> None:
    assert way_to(uri, PAGE, Path("/p/mlflow.db")) == way


def test_a_description_leaves_out_what_is_not_known() -> None:
    text = description({"dataset": "data/x"}, PAGE)
    assert "- Data: `data/x`" in text
    assert "Commit" not in text and "report.html" not in text
