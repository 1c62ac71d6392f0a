"""The champion: which policy it is, by its digest, and which version of that policy.

A policy's name says its round alone; what a later run wrote under the same name is another policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kedro.io import DatasetError

from selfscore.configuration.layout import round_of_policy
from selfscore.provenance.outside_runs import load_sealed, made_by_run, newest_version
from selfscore.provenance.places import versions
from selfscore.provenance.project import Project

CHAMPION = "champion"


class ChampionError(ValueError):
    """A champion that cannot be read, or is not there any more."""


@dataclass(frozen=True)
class Champion:
    """What the dataset `champion` names.

    Attributes:
        policy: dataset, such as "policy_2".
        digest: of the policy.
        chosen: version of the record, and so the run that chose; None where it has no versions.
    """

    policy: str
    digest: str
    chosen: str | None = None

    def __str__(self) -> str:
        return f"{self.policy} with the digest {self.digest[:12]}…"


def read_champion(project: Project) -> Champion | None:
    """The champion; None if none was chosen yet.

    Raises:
        ChampionError: it cannot be read, or is not what the run wrote.
    """
    if CHAMPION not in project.catalog or not project.catalog.exists(CHAMPION):
        return None
    try:
        chosen = newest_version(project, CHAMPION)
        record = load_sealed(project, CHAMPION, chosen)
    except DatasetError as error:
        raise ChampionError(f"The champion cannot be read: {_again(project)}. {error}") from error
    found = record if isinstance(record, Mapping) else {}
    policy, digest = found.get("policy"), found.get("digest")
    if not isinstance(policy, str) or round_of_policy(policy) is None:
        raise ChampionError(
            f"The champion cannot be read: it names no policy. So {_again(project)}."
        )
    if not isinstance(digest, str) or not digest:
        raise ChampionError(f"The champion cannot be read: it has no digest. So {_again(project)}.")
    return Champion(policy, digest, chosen)


def champion_version(project: Project, champion: Champion) -> str:
    """The version of the policy that has the champion's digest.

    Of several the newest that was there when it was chosen, for its figures are there, too.

    Raises:
        ChampionError: it is not there any more.
        DatasetError: a version of the policy is damaged.
    """
    found = next(_versions_with_digest(project, champion), None)
    if found is None:
        raise ChampionError(
            f"The champion is {champion}, and no version of {champion.policy} has it any more: put "
            f"it back from a copy, {_again(project)}, or name another policy."
        )
    return found


def _again(project: Project) -> str:
    environment = f" --env={project.environment}" if project.environment else ""
    return f"choose it again with `kedro run --pipelines=reporting{environment}`"


def _versions_with_digest(project: Project, champion: Champion) -> Iterator[str]:
    """By the manifests; then by the policies that no manifest names."""
    name = champion.policy
    unnamed = []
    chosen = champion.chosen
    there = versions(project.catalog[name])
    for version in sorted(there, key=lambda one: chosen is not None and one > chosen):
        made = made_by_run(project.catalog, name, version)
        if made is None or made.digest is None:
            unnamed.append(version)
        elif made.digest == champion.digest:
            yield version
    for version in unnamed:
        if project.catalog.load(name, version).digest == champion.digest:
            yield version
