"""Nodes of the study: what raters are shown, and what their answers come to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from selfscore.study.settings import StudySettings
from selfscore.vlm.images import ImageSource


def draw_study(
    predictions: pd.DataFrame,
    generations: pd.DataFrame,
    scored_images: pd.DataFrame,
    settings: StudySettings,
    seed: int,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """What each rater is shown, and what so many raters can find.

    Returns:
        See `selfscore.study.items.draw_items` and `selfscore.study.plan.plan_study`.
    """
    from selfscore.study.items import draw_items
    from selfscore.study.plan import plan_study

    items = draw_items(predictions, generations, scored_images, settings, seed)
    return items, plan_study(items, settings)


def write_study_page(
    items: pd.DataFrame,
    images: ImageSource,
    score_scale: dict[str, Any],
    settings: StudySettings,
) -> tuple[str, dict[str, str], dict[str, str]]:
    """The study for raters, in both forms.

    Returns:
        The page, see `selfscore.study.page.write_page`; for Label Studio, if it is asked for, files
        with the tasks of each seat (JSON) and the labeling configurations (XML), see
        `selfscore.study.label_studio`.
    """
    from selfscore.study.label_studio import as_tasks, labeling_configs
    from selfscore.study.page import write_page

    best = score_scale["levels"] - 1
    page = write_page(items, images, best, settings.pixels)
    if not settings.label_studio:
        return page, {}, {}
    tasks = as_tasks(items, images, settings.pixels)
    return (
        page,
        {f"{name}.json": json.dumps(listed, ensure_ascii=False) for name, listed in tasks.items()},
        {f"{task}.xml": text for task, text in labeling_configs(best).items()},
    )


def measure_study(
    kept: Mapping[str, Mapping[str, Any]],
    items: pd.DataFrame,
    plan: dict[str, Any],
    settings: StudySettings,
) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """What the answers so far come to.

    Args:
        kept: files of raters, by name.
        items: what they were shown.
        plan: what was planned.
        settings: of which `tolerance` and `confidence` count.

    Returns:
        The answers as a table, the figures, and the page that shows them.
    """
    from selfscore.study.analysis import study_figures
    from selfscore.study.answers import tabulate
    from selfscore.study.report import write_report

    answers = tabulate(kept, items)
    figures = study_figures(answers, settings)
    return answers, figures, write_report(figures, plan, answers)
