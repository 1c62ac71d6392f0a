"""What is in use, by its own account: the registered models and the champion."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import chdir
from pathlib import Path

from selfscore.provenance.champion import read_champion
from selfscore.provenance.manifest import Manifest
from selfscore.provenance.project import Project


class RegistryError(ValueError):
    """What is in use, and cannot be told."""


def registered(project: Project, manifests: Iterable[Manifest]) -> set[str]:
    """Ids of tracked runs, and digests of policies, that something names.

    These are the run and the tags of every version of every registered model at the tracking
    server, and the digest of the champion.

    Args:
        project: where it is.
        manifests: all of them.

    Raises:
        RegistryError: the tracking server does not answer, or no manifest says which version the
            champion is.
        ChampionError: the champion cannot be read.
    """
    champion = read_champion(project)
    known = {one.digest for manifest in manifests for one in manifest.made.values()}
    if champion is not None and champion.digest not in known:
        raise RegistryError(
            f"No manifest says which version the champion is ({champion}): choose it again with "
            "`kedro run --pipelines=reporting`."
        )
    # A relative path to a local store counts from the root.
    with chdir(project.path):
        found = _registered_models(project.tracking_uri)
    return found if champion is None else found | {champion.digest}


def _registered_models(uri: str | None) -> set[str]:
    if uri is None:
        return set()
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
        return set()  # Nothing was ever tracked; asking would make the file.
    from mlflow import MlflowClient

    try:
        versions = list(MlflowClient(tracking_uri=uri, registry_uri=uri).search_model_versions())
    # Every kind of store fails in its own way, and none of them may be taken for an empty one.
    except Exception as error:
        raise RegistryError(
            "The model registry does not answer, so it is not known what it names. Try again when "
            f"it does: {type(error).__name__}."
        ) from error
    runs = {str(version.run_id) for version in versions if version.run_id}
    return runs | {str(value) for version in versions for value in version.tags.values()}
