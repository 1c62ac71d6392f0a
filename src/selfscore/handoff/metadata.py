"""What a model hub is told of a policy, in the lines above its card.

Knows the hub's fields, by `huggingface_hub`'s own class; asks no hub.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selfscore.metrics.catalog import metric

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

_TASK = "image-text-to-text"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*", re.ASCII)


class HubError(ValueError):
    """A policy that cannot be a repository of a hub."""


@dataclass(frozen=True)
class Hub:
    """Where a policy is to be found, and under which terms.

    Attributes:
        repository: `organisation/name`.
        licence: of the adapter, as the hub writes it, such as `apache-2.0`.
        base_is_there: whether the base model is on the hub, too.
    """

    repository: str
    licence: str
    base_is_there: bool

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.repository):
            raise HubError(
                f"'{self.repository}' is no repository of a hub: write organisation/name."
            )
        if not _LICENCE.fullmatch(self.licence):
            raise HubError(
                f"'{self.licence}' is no licence as hubs write it: apache-2.0, mit, cc-by-nc-4.0 "
                "and so on, in small letters and without blanks."
            )


def metadata(card: Mapping[str, Any], figures: Iterable[Mapping[str, Any]], hub: Hub | None) -> str:
    """The lines between the two `---`, as YAML.

    Args:
        card: the policy's `policy.json`.
        figures: split, metric and value of each figure on its card.
        hub: where it is to be found; None for one that goes from hand to hand.
    """
    from huggingface_hub import ModelCardData

    told: dict[str, Any] = {
        "library_name": "peft" if card["iteration"] > 0 else None,
        "pipeline_tag": _TASK,
    }
    # A hub takes no folder of somebody's machine for a model.
    if hub is None or hub.base_is_there:
        told["base_model"] = str(card["base_model"]["id"])
    if hub is not None:
        told |= {
            "language": "en",
            "license": hub.licence,
            "tags": ["lora", "selfscore", "image-scoring"],
            "model_name": hub.repository.partition("/")[2],
            "eval_results": list(_results(figures, card["score_scale"].get("unit") or "scores")),
        }
        if hub.base_is_there:
            told["base_model_relation"] = "adapter"
    return str(ModelCardData(**told).to_yaml())


def _results(figures: Iterable[Mapping[str, Any]], unit: str) -> Iterator[EvalResult]:
    from huggingface_hub import EvalResult

    for row in figures:
        yield EvalResult(
            task_type=_TASK,
            dataset_type="images",
            dataset_name=unit,
            dataset_split=row["split"],
            metric_type=row["metric"],
            metric_name=metric(row["metric"]).short,
            metric_value=round(float(row["value"]), 4),
        )
