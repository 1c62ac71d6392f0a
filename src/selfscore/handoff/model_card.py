"""The README.md of a policy that is handed on: what it is, how good it is, and what it is not for.

Written from the policy's card, the manifest of the run that made it and the tables of its round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from selfscore.metrics.catalog import ON_CARD
from selfscore.metrics.figures import among
from selfscore.provenance.manifest import Manifest


def model_card(
    name: str,
    card: Mapping[str, Any],
    digest: str,
    made_by: Manifest,
    figures: pd.DataFrame | None,
) -> str:
    """The text of the README.

    Args:
        name: dataset of the policy.
        card: its `policy.json`.
        digest: of the policy.
        made_by: the run that made it.
        figures: of its round, see `selfscore.metrics.figures`; None if the policy was not
            evaluated.
    """
    scale, base = card["score_scale"], card["base_model"]
    has_adapter = card["iteration"] > 0
    parts = [
        _header(base, has_adapter),
        f"# {name}",
        _what(card, has_adapter),
        "## Use",
        _use(base, has_adapter),
        "## Scale and prompts",
        _scale(scale),
        *(f"- `{key}`: {text}" for key, text in sorted(card["prompts"].items())),
        "## Training",
        _training(card, made_by, has_adapter),
        "## Figures",
        _figures(figures, name, _confidence(made_by, card)),
        "## Limits",
        _LIMITS,
        "## Identity",
        _table(
            ("", ""),
            [
                ("digest", f"`{digest}`"),
                ("made by the run", made_by.run_id),
                ("commit", _commit(made_by)),
                ("parent", f"`{card['parent']}`" if card["parent"] else "none"),
            ],
        ),
    ]
    return "\n\n".join(parts).replace("\n\n- ", "\n- ") + "\n"


_LIMITS = """\
- The scores follow the raters of the training images, on images like those; on other kinds of
  images neither scores nor explanations are known to mean anything.
- An explanation is text that fits the score. It is not the cause of the score, and what it says of
  the picture may be untrue; *faithfulness*, where it was measured, says how often it is true.
- The intervals stand for the images that were drawn, not for another training run.
- Not for decisions about people."""


def _header(base: Mapping[str, Any], has_adapter: bool) -> str:
    """What model hubs read."""
    lines = [f"base_model: {_quoted(str(base['id']))}"]
    lines += ["library_name: peft"] if has_adapter else []
    return "\n".join(["---", *lines, "pipeline_tag: image-text-to-text", "---"])


def _what(card: Mapping[str, Any], has_adapter: bool) -> str:
    base = f"`{card['base_model']['id']}`"
    if card["base_model"].get("revision"):
        base += f" (revision `{card['base_model']['revision']}`)"
    if not has_adapter:
        return f"The base model {base} alone, as it scores and explains before any training."
    rounds = "one round" if card["iteration"] == 1 else f"{card['iteration']} rounds"
    return (
        f"A LoRA adapter that makes {base} score images and explain its scores. It was trained by "
        f"selfscore in {rounds} of self-improvement."
    )


def _use(base: Mapping[str, Any], has_adapter: bool) -> str:
    lines = ["```sh", "kedro score --policy=<this folder> <images>", "```"]
    if has_adapter:
        lines += [
            "",
            "```python",
            f"base = AutoModelForImageTextToText.from_pretrained({str(base['id'])!r})",
            "model = PeftModel.from_pretrained(base, '<this folder>')",
            "```",
        ]
    return "\n".join(lines)


def _scale(scale: Mapping[str, Any]) -> str:
    described = [f"{scale['levels']} levels, written 0 to {scale['levels'] - 1}"]
    if scale.get("method"):
        described.append(f"fitted by {scale['method']}")
    unit = f" Scores are in: {scale['unit']}." if scale.get("unit") else ""
    return f"{', '.join(described)}; `score_scale.json` has the score of each.{unit}"


def _training(card: Mapping[str, Any], made_by: Manifest, has_adapter: bool) -> str:
    if not has_adapter:
        return "None."
    section = made_by.parameters.get(f"iteration_{card['iteration']}", {})
    rows = [
        (f"{stage}.{key}", f"`{value}`")
        for stage in ("data_generation", "dpo_training", "merging")
        for key, value in _flat(section.get(stage, {}))
    ]
    rows.append(("seed", f"`{made_by.seeds.get('seed')}`"))
    rows.append(("energy kept by the rank", f"{card['energy_kept']:.3f}"))
    return f"Of its last round; all of it is in the manifest.\n\n{_table(('', ''), rows)}"


def _confidence(made_by: Manifest, card: Mapping[str, Any]) -> float:
    section = made_by.parameters.get(f"iteration_{card['iteration']}", made_by.parameters)
    return float(section.get("evaluation", {}).get("confidence", 0.95))


def _figures(figures: pd.DataFrame | None, name: str, confidence: float) -> str:
    if figures is None:
        return "This policy was not evaluated."
    own = among(figures, policy="base" if name == "policy_0" else "merged")
    rows = [
        (row["split"], row["metric"], _with_interval(row))
        for metric in ON_CARD
        for row in own[own["metric"] == metric].to_dict("records")
    ]
    if not rows:
        return "This policy was not evaluated."
    head = (
        f"On held-out images, with {confidence:.0%} bootstrap intervals; mae in the scores' unit."
    )
    return f"{head}\n\n{_table(('split', 'metric', 'value'), rows)}"


def _with_interval(row: Mapping[Any, Any]) -> str:
    low, high = row.get("low"), row.get("high")
    text = f"{row['value']:.3f}"
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return text
    return f"{text} [{low:.3f}, {high:.3f}]"


def _flat(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _commit(manifest: Manifest) -> str:
    if not manifest.git:
        return "not known"
    return f"`{manifest.git['commit']}`" + (" with changes" if manifest.git["dirty"] else "")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
