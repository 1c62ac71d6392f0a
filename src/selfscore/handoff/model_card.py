"""The README.md of a policy that is handed on: what it is, how good it is, and what it is not for.

The text is `card.md.j2`; here stands what goes into it, from the policy's card, the manifest of the
run that made it and the figures of its round.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import pandas as pd

from selfscore.configuration.domain import PICTURES, Domain
from selfscore.configuration.layout import LEVEL, namespace
from selfscore.handoff.metadata import Hub, metadata
from selfscore.metrics.catalog import ON_CARD
from selfscore.metrics.figures import PRIOR, among
from selfscore.provenance.manifest import Manifest


def model_card(
    name: str,
    card: Mapping[str, Any],
    digest: str,
    made_by: Manifest,
    figures: pd.DataFrame | None,
    rank: int | None = None,
    hub: Hub | None = None,
) -> str:
    """The text of the README.

    Args:
        name: dataset of the policy.
        card: its `policy.json`.
        digest: of the policy.
        made_by: the run that made it.
        figures: of its round, see `selfscore.metrics.figures`; None if the policy was not
            evaluated.
        rank: of its adapter; None for the base model alone.
        hub: where it is to be found; None for one that goes from hand to hand.
    """
    from jinja2 import Environment, StrictUndefined

    # Markdown for readers; nothing of it is run, so nothing is escaped but what would end a cell.
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    # jinja2's own `tojson` escapes for HTML.
    environment.filters |= {
        "cell": _cell,
        "json": json.dumps,
        "quoted": shlex.quote,
        "repr": repr,
    }
    template = (files("selfscore.handoff") / "card.md.j2").read_text(encoding="utf-8")
    section = made_by.parameters.get(namespace(card["iteration"]), {})
    evaluation = (section or made_by.parameters).get("evaluation", {})
    learnt = ["data_generation", "dpo_training", "merging"]
    if LEVEL in made_by.parameters.get("experts", ()):
        learnt.insert(2, "level_training")
    stages = {key: section.get(key, {}) for key in learnt}
    own = [] if figures is None else list(_own(figures, name))
    return environment.from_string(template).render(
        name=name,
        metadata=metadata(card, own, hub),
        hub=hub,
        place=hub.repository if hub else "<this folder>",
        processor=card["base_model"].get("processor") or {},
        views=card["base_model"].get("views", 1),
        room=_room(rank),
        card=card,
        domain=Domain(**card["domain"]) if "domain" in card else PICTURES,
        scale={"method": None, "unit": None, **card["score_scale"]},
        digest=digest,
        made_by=made_by,
        trained=card["iteration"] > 0,
        training=[*_flat(stages), ("seed", made_by.seeds.get("seed"))],
        figures=own,
        confidence=float(evaluation.get("confidence", 0.95)),
    )


def _own(figures: pd.DataFrame, name: str) -> Iterator[dict[Any, Any]]:
    """The figures that the card shows, in their order, each with that of one answer for all images.

    Without an interval, its ends are NaN; so is what one answer for all cannot have.
    """
    same = among(figures, of=PRIOR).set_index(["split", "metric"])["value"].to_dict()
    own = among(figures, policy="base" if name == "policy_0" else "merged")
    own = own.astype({"low": float, "high": float})
    for metric in ON_CARD:
        for row in own[own["metric"] == metric].to_dict("records"):
            yield row | {"constant": same.get((row["split"], metric), math.nan)}


def _room(rank: int | None) -> int | None:
    """The `--max-lora-rank` that vLLM needs; None where it takes no such adapter."""
    from selfscore.vlm.writing.vllm_backend import room_for

    try:
        return None if rank is None else room_for(rank)
    except ValueError:
        return None


def _flat(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
