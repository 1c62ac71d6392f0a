"""What is in use, by its own account: the registered models and the champion."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import chdir
from pathlib import Path

from kedro.io import DatasetError

from selfscore.provenance.manifest import Manifest
from selfscore.provenance.project import Project

_CHAMPION = "champion"


class RegistryError(RuntimeError):
    """A registry that does not answer."""


def champion_digest(project: Project) -> str | None:
    """Digest of the champion; None if none was chosen yet.

    Raises:
        RegistryError: it cannot be read.
    """
    if _CHAMPION not in project.catalog or not project.catalog.exists(_CHAMPION):
        return None
    try:
        digest = project.catalog.load(_CHAMPION)["digest"]
        if not isinstance(digest, str) or not digest:
            raise TypeError("its digest is no text")
    except (DatasetError, LookupError, TypeError, ValueError) as error:
        raise RegistryError(
            "The champion cannot be read, so it is not known which policy is in use: make it again "
            f"with `kedro run --pipelines=reporting`. {type(error).__name__}: {error}"
        ) from error
    return digest


def check_champion(project: Project, manifests: Iterable[Manifest]) -> None:
    """See that a manifest says which version of which policy the champion is.

    Raises:
        RegistryError: none does.
    """
    digest = champion_digest(project)
    known = {one.digest for manifest in manifests for one in manifest.made.values()}
    if digest is not None and digest not in known:
        raise RegistryError(
            f"No manifest says which version the champion is (digest {digest[:12]}…): choose it "
            "again with `kedro run --pipelines=reporting`."
        )


def registered(project: Project) -> set[str]:
    """Ids of tracked runs, and digests of policies, that something names.

    These are the run and the tags of every version of every registered model at the tracking
    server, and the digest of the champion.

    Raises:
        RegistryError: the tracking server does not answer, or the champion cannot be read.
    """
    champion = champion_digest(project)
    found = set() if champion is None else {champion}
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
