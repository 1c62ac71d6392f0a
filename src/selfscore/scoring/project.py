"""Which policy of a Kedro project scores, and how the project puts policies into memory.

Knows the project's parameters and catalog.
"""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path

from kedro.io import DataCatalog

from selfscore.configuration.layout import policy_name
from selfscore.datasets.policy import PolicyDataset
from selfscore.provenance.champion import champion_version, read_champion
from selfscore.provenance.outside_runs import load_sealed
from selfscore.provenance.places import place_of
from selfscore.provenance.project import Project
from selfscore.scoring.policies import FoundPolicy, policy_folder, read_policy
from selfscore.vlm.options import LoadOptions


def find_policy(project: Project, named: str | None) -> FoundPolicy:
    """The policy that scores.

    Args:
        project: that has made policies.
        named: a folder, or a policy of the catalog such as "policy_2". None: the champion if the
            catalog has one, by its digest, else the last policy there is of the rounds that the
            configuration asks for.

    Raises:
        FileNotFoundError: there is no such policy.
        ChampionError: the champion cannot be read, or is no longer there.
        DatasetError: the policy is not what was saved.
    """
    if named is not None and Path(named).is_dir():
        return _in_folder(project, policy_folder(Path(named)).resolve())
    # Paths in the catalog count from the project's root.
    with chdir(project.path):
        catalog = project.catalog
        policies = [policy_name(number) for number in range(project.parameters["rounds"], -1, -1)]
        champion = None if named else read_champion(project)
        if champion is not None:
            version = champion_version(project, champion)
            return FoundPolicy(
                load_sealed(project, champion.policy, version), champion.policy, project.path
            )
        present = [name for name in policies if catalog.exists(name)]
        name = named or next(iter(present), policies[0])
        if not _is_policy(catalog, name):
            there = f"There is: {', '.join(present)}." if present else "There is none yet."
            raise FileNotFoundError(
                f"There is no policy '{name}': no such folder, and no such policy that this "
                f"project has made. {there} Run the pipeline `iteration`, or name another policy "
                "with --policy."
            )
        return FoundPolicy(load_sealed(project, name), name, project.path)


def _in_folder(project: Project, folder: Path) -> FoundPolicy:
    """The policy in a folder, which may be one that a run of this project made."""
    name, version = folder.name, folder.parent.name
    with chdir(project.path):
        if _is_policy(project.catalog, name):
            place = place_of(project.catalog[name], version)
            if place is not None and place.is_local and Path(place.path).resolve() == folder:
                return FoundPolicy(load_sealed(project, name, version), name, folder)
    return read_policy(folder)


def load_options(project: Project) -> LoadOptions:
    """How the project puts policies into memory: its parameters `machine.loading`."""
    return LoadOptions(**project.parameters["machine"]["loading"])


def _is_policy(catalog: DataCatalog, name: str) -> bool:
    return name in catalog and isinstance(catalog.get(name), PolicyDataset) and catalog.exists(name)
