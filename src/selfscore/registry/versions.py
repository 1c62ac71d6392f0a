"""Versions of the registered model: new ones, and which one is in use.

Knows MLflow's registry, and what a handoff says of itself. The version in use has the alias
`champion`, the newest choice of a run the alias `candidate`; moving `champion` is a decision that
no run makes, but for the very first version.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from selfscore import __version__
from selfscore.handoff import bundle
from selfscore.metrics.figures import among
from selfscore.registry.model import BASE_MODEL, HANDOFF, input_example, signature

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

CHAMPION, CANDIDATE = "champion", "candidate"
_ENTRY = Path(__file__).with_name("entry.py")
# The longest description that a registry in PostgreSQL takes.
_LONGEST = 5000


class VersionError(ValueError):
    """A version that is not in the registry."""


@dataclass(frozen=True)
class Promotion:
    """What a promotion changes.

    Attributes:
        model: name of the registered model.
        before: the version in use; None if none is.
        after: the version that is to be in use.
    """

    model: str
    before: ModelVersion | None
    after: ModelVersion

    @property
    def is_comparable(self) -> bool:
        """Whether both were measured on the same images, as far as that is known."""
        return self.before is None or (
            self.before.tags.get("dataset_sha256") == self.after.tags.get("dataset_sha256")
        )


def register(client: MlflowClient, run: Run, handoff: Path, model: str) -> ModelVersion:
    """Put a policy into the registry as the new candidate.

    A policy that has a version there gets no second one; only the alias moves.

    Args:
        client: of the tracking server and its registry.
        run: that chose the policy; the model is stored with it.
        handoff: folder that `handoff.create` made of the policy.
        model: name of the registered model; it is made if there is none.
    """
    index = bundle.read_index(handoff)
    known = sorted(client.search_model_versions(f"name='{model}'"), key=_number)
    same = [one for one in known if one.tags.get("digest") == index.policy["digest"]]
    version = same[-1] if same else _new_version(client, run, handoff, index, model)
    client.set_registered_model_alias(model, CANDIDATE, version.version)
    # Also where a run was killed before it came to this.
    if len(known) <= len(same) and _by_alias(client, model, CHAMPION) is None:
        client.set_registered_model_alias(model, CHAMPION, version.version)
    return client.get_model_version(model, version.version)


def plan_promotion(
    client: MlflowClient, model: str, version: str | None = None, alias: str = CANDIDATE
) -> Promotion:
    """What it would mean to use another version.

    Args:
        client: of the registry.
        model: name of the registered model.
        version: to be in use; None for the one that `alias` names.
        alias: of a version.

    Raises:
        VersionError: there is no such version.
    """
    after = _by_version(client, model, version) if version else _by_alias(client, model, alias)
    if after is None:
        what = f"version {version}" if version else f"version with the alias '{alias}'"
        there = sorted(client.search_model_versions(f"name='{model}'"), key=_number)
        known = ", ".join(str(one.version) for one in there)
        raise VersionError(
            f"The registered model '{model}' has no {what}. "
            + (
                f"There is: {known}."
                if known
                else "It has none at all: a run that reports makes one."
            )
        )
    return Promotion(model, _by_alias(client, model, CHAMPION), after)


def promote(client: MlflowClient, promotion: Promotion) -> None:
    """Move the alias `champion`."""
    client.set_registered_model_alias(promotion.model, CHAMPION, promotion.after.version)


def _new_version(
    client: MlflowClient, run: Run, handoff: Path, index: bundle.Index, model: str
) -> ModelVersion:
    if not client.search_registered_models(f"name='{model}'"):
        client.create_registered_model(
            model,
            description="Policies that score images and explain their scores. In use is the "
            f"version with the alias `{CHAMPION}`; `kedro promote` moves it.",
        )
    tags = _tags(handoff, index)
    model_id = _store(client, run, handoff, index, tags)
    card = (handoff / bundle.CARD).read_text(encoding="utf-8")
    return client.create_model_version(
        model,
        f"models:/{model_id}",
        run.info.run_id,
        tags=tags,
        description=_cut(card.rpartition("---\n\n")[2]),
        model_id=model_id,
    )


def _store(
    client: MlflowClient, run: Run, handoff: Path, index: bundle.Index, tags: dict[str, str]
) -> str:
    """Store the handoff as a model; its id.

    Step by step, because `log_model` would also load the model to try it, base model and all.
    """
    import mlflow
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    logged = client.create_logged_model(
        run.info.experiment_id, index.name, run.info.run_id, tags=tags, model_type="policy"
    )
    model_id: str = logged.model_id
    with tempfile.TemporaryDirectory() as place:
        mlflow.pyfunc.save_model(
            f"{place}/model",
            mlflow_model=Model(
                artifact_path=logged.artifact_location,
                model_uuid=model_id,
                model_id=model_id,
                run_id=run.info.run_id,
            ),
            python_model=str(_ENTRY),
            artifacts={HANDOFF: str(handoff)},
            signature=signature(),
            input_example=input_example(),
            model_config={BASE_MODEL: None},
            pip_requirements=[f"selfscore=={__version__}", f"mlflow=={mlflow.__version__}"],
        )
        client.log_model_artifacts(model_id, f"{place}/model")
    client.finalize_logged_model(model_id, "READY")
    client.log_outputs(run.info.run_id, [LoggedModelOutput(model_id, step=0)])
    return model_id


def _tags(handoff: Path, index: bundle.Index) -> dict[str, str]:
    """What versions are searched and compared by; the digest is what `kedro prune` goes by."""
    maker = bundle.read_manifest(handoff, index.policy["run"])
    tags = {
        "policy": index.policy["dataset"],
        "digest": index.policy["digest"],
        "kedro_run_id": maker.run_id,
        "base_model": str(index.base_model["id"]),
        "validation_srcc": _validation_srcc(handoff, index),
    }
    if maker.git:
        tags |= {"git_commit": maker.git["commit"], "git_dirty": str(maker.git["dirty"]).lower()}
    if "raw_images" in maker.artifacts:
        tags["dataset"] = maker.artifacts["raw_images"].path
    if "scored_images" in maker.artifacts:
        tags["dataset_sha256"] = maker.artifacts["scored_images"].sha256
    return tags


def _validation_srcc(handoff: Path, index: bundle.Index) -> str:
    """`0.512 [0.431, 0.588]`: rank correlation with the raters on the validation images."""
    path = next((path for name, path in index.artifacts.items() if name.endswith(".figures")), None)
    if path is None:
        return "not measured"
    found = among(pd.read_parquet(handoff / path), split="validation", metric="srcc")
    found = found[found["policy"].isin(["base", "merged"])]
    if found.empty:
        return "not measured"
    row = found.iloc[0]
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _cut(card: str) -> str:
    if len(card) <= _LONGEST:
        return card
    note = f"\n\n… The whole card is `artifacts/{HANDOFF}/{bundle.CARD}` of the model."
    return card[: _LONGEST - len(note)] + note


def _by_version(client: MlflowClient, model: str, version: str) -> ModelVersion | None:
    found = client.search_model_versions(f"name='{model}'")
    return next((one for one in found if str(one.version) == version), None)


def _by_alias(client: MlflowClient, model: str, alias: str) -> ModelVersion | None:
    models = client.search_registered_models(f"name='{model}'")
    number = models[0].aliases.get(alias) if models else None
    return None if number is None else _by_version(client, model, str(number))


def _number(version: ModelVersion) -> int:
    return int(version.version)
