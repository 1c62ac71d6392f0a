"""The project's own settings of some stages, with what a test changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from selfscore.merging.settings import MergeSettings
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.report.settings import ReportingSettings
from selfscore.review.settings import ReviewSettings
from selfscore.study.settings import StudySettings

CONF = Path(__file__).parents[2] / "conf" / "base"


def evaluation(**changes: Any) -> EvaluationSettings:
    """Those of evaluation, with few resamples; sections are laid over them."""
    return EvaluationSettings(**_section("evaluation", {"n_resamples": 50, **changes}))


def reporting(**changes: Any) -> ReportingSettings:
    """Those of the report, with few resamples; sections are laid over them."""
    return ReportingSettings(**_section("reporting", {"n_resamples": 60, **changes}))


def review() -> ReviewSettings:
    """Those of reading pairs by hand, with few resamples."""
    return ReviewSettings(**_section("review", {"n_resamples": 20}))


def study() -> StudySettings:
    """Those of a study."""
    return StudySettings(**_section("study", {}))


def merging(**changes: Any) -> MergeSettings:
    """Those of merging; `strength` is laid over theirs, `weights` stands in place of theirs."""
    section = _section("merging", changes)
    return MergeSettings(**section | {"weights": changes.get("weights", section["weights"])})


def _section(stage: str, changes: dict[str, Any]) -> dict[str, Any]:
    file = CONF / stage / "parameters.yml"
    return _over(yaml.safe_load(file.read_text(encoding="utf-8"))[stage], changes)


def _over(section: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    both = {
        name: _over(section[name], value) if isinstance(value, dict) else value
        for name, value in changes.items()
    }
    return section | both
