"""What is in use, by its own account: the registered models and the champion."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path

from selfscore.provenance.project import Project

_CHAMPION = "champion"


class RegistryError(RuntimeError):
    """A registry that does not answer."""


def registered(project: Project) -> set[str]:
    """Ids of tracked runs, and digests of policies, that something names.

    These are the run and the tags of every version of every registered model at the tracking
    server, and the digest of the champion.

    Raises:
        RegistryError: the tracking server does not answer.
    """
    found = set()
    catalog = project.catalog
    if _CHAMPION in catalog and catalog.exists(_CHAMPION):
        found.add(str(catalog.load(_CHAMPION).get("digest")))
    # A relative path to a local store counts from the root.
    with chdir(project.path):
        return found | _registered_models(project.tracking_uri)


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
