"""What a run leaves at a place that stays, and the last lines of the screen, which name it.

Knows the names of datasets; knows nothing of how they were made.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from selfscore.configuration.layout import round_of_policy
from selfscore.datasets.latest import put_latest
from selfscore.provenance.places import Place, load_version, place_of
from selfscore.running.stopping import resumed_run

if TYPE_CHECKING:
    from kedro.io import DataCatalog

logger = logging.getLogger(__name__)

LATEST = "latest"
_REPORT, _SUMMARY, _CHAMPION = "report", "run_summary", "champion"
# What ingestion leaves for people to look at: dataset → what it is called.
_OF_INGESTION = {
    "data_check": "The data check",
    "scored_images": "The images that are used, with levels and splits",
    "quarantine": "What is left out, and why",
}
# Plain PEFT needs this of a policy; that of the base model alone has none.
_ADAPTER = "adapter_config.json"


class EndingHooks:
    """Puts the newest report and policy at places that stay, and says what to do with them."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        """Kedro keeps a hook for the life of the process; nothing of one run is for the next."""
        self._saved: set[str] = set()
        self._headline: str | None = None

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Forget an earlier run."""
        self._forget()

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Note what the run has made."""
        self._saved.add(dataset_name)
        if dataset_name == _SUMMARY:
            self._headline = data["headline"]

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Say what came of it."""
        project = Path(run_params["project_path"])
        env = f" --env={shlex.quote(run_params['env'])}" if run_params.get("env") else ""
        for line in self._lines(catalog, self._saved | _made_before(catalog), project, env):
            logger.info("%s", line)

    def _lines(
        self, catalog: DataCatalog, made: set[str], project: Path, env: str
    ) -> Iterator[str]:
        rounds = {number: name for name in made if (number := round_of_policy(name))}
        policy = self._put(catalog, rounds[max(rounds)], "policy", project) if rounds else None
        report = self._put(catalog, _REPORT, "report.html", project) if _REPORT in made else None
        if report:
            yield self._headline or catalog.load(_SUMMARY)["headline"]
            yield f"The report: {report}"
        if policy:
            # Which need not be the last round's.
            chosen = " with the champion" if _CHAMPION in made else ""
            yield (
                f"The last round's policy: {policy}. To score a picture{chosen}: "
                f"kedro score{env} image.jpg"
            )
        if report or policy:
            yield f"What was made of what: {f'kedro viz run{env}' if env else 'make viz'}"
            return
        for name, words in _OF_INGESTION.items():
            if name in self._saved and (place := place_of(catalog[name], _version(catalog, name))):
                yield f"{words}: {place.seen_from(project)}"

    def _put(self, catalog: DataCatalog, name: str, latest: str, project: Path) -> str | None:
        """Where the newest of it is, as it is written down; None if there is none."""
        version = _version(catalog, name)
        place = place_of(catalog[name], version) if version else None
        if place is None:
            return None
        if not place.is_local:
            return place.seen_from(project)
        source = Path(place.path)
        if source.is_dir() and not (source / _ADAPTER).is_file():
            return None
        stays = source.parents[2] / LATEST / latest
        try:
            put_latest(source, stays)
        except OSError as error:
            logger.warning("'%s' is not renewed (%s); the newest is %s.", stays, error, source)
            return place.seen_from(project)
        return Place(place.file_system, str(stays)).seen_from(project)


def _made_before(catalog: DataCatalog) -> set[str]:
    """What was made by the run that the present one goes on from: it did not come to its end."""
    from selfscore.provenance.resumption import ResumptionError, whole_run
    from selfscore.provenance.store import read_manifests

    run_id = resumed_run()
    if run_id is None:
        return set()
    manifests = read_manifests(catalog)
    try:
        whole = whole_run(next(one for one in manifests if one.run_id == run_id), manifests)
    except (StopIteration, ResumptionError):
        return set()
    return set(whole.made)


def _version(catalog: DataCatalog, name: str) -> str | None:
    return load_version(catalog[name])
