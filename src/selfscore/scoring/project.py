"""Which policy of a Kedro project scores, when none is named or it is named by its dataset.

Knows the project's configuration and catalog. Starts no session, so nothing is tracked.
"""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path

from kedro.config import AbstractConfigLoader, MissingConfigException
from kedro.framework.project import settings
from kedro.io import DataCatalog

from selfscore.datasets.policy import PolicyDataset
from selfscore.scoring.policies import FoundPolicy, read_policy

# A record that names the best policy: `{"policy": "policy_1"}`.
CHAMPION = "champion"


def find_policy(project: Path, environment: str | None, named: str | None) -> FoundPolicy:
    """The policy that scores.

    Args:
        project: root of the project.
        environment: of the configuration; None for the default one.
        named: a folder, or a policy of the catalog such as "policy_2". None: the champion if the
            catalog has one, else the last policy there is of the rounds that the configuration
            asks for.

    Raises:
        FileNotFoundError: there is no such policy.
    """
    if named is not None and Path(named).is_dir():
        return read_policy(named)
    # Paths in the catalog count from the project's root.
    with chdir(project):
        configuration = _configuration(project, environment)
        catalog = _catalog(configuration)
        rounds = configuration["parameters"]["rounds"]
        policies = [f"policy_{number}" for number in range(rounds, -1, -1)]
        present = [name for name in policies if catalog.exists(name)]
        name = named or _champion(catalog) or next(iter(present), policies[0])
        if not _is_policy(catalog, name):
            there = f"There is: {', '.join(present)}." if present else "There is none yet."
            raise FileNotFoundError(
                f"There is no policy '{name}': no such folder, and no such policy that this "
                f"project has made. {there} Run the pipeline `iteration`, or name another policy "
                "with --policy."
            )
        return FoundPolicy(catalog.load(name), name, project)


def _configuration(project: Path, environment: str | None) -> AbstractConfigLoader:
    loader: AbstractConfigLoader = settings.CONFIG_LOADER_CLASS(
        str(project / settings.CONF_SOURCE), env=environment, **settings.CONFIG_LOADER_ARGS
    )
    return loader


def _catalog(configuration: AbstractConfigLoader) -> DataCatalog:
    try:
        credentials = configuration["credentials"]
    except MissingConfigException:
        credentials = None
    return DataCatalog.from_config(configuration["catalog"], credentials)


def _champion(catalog: DataCatalog) -> str | None:
    if CHAMPION not in catalog or not catalog.exists(CHAMPION):
        return None
    return str(catalog.load(CHAMPION)["policy"])


def _is_policy(catalog: DataCatalog, name: str) -> bool:
    return name in catalog and isinstance(catalog.get(name), PolicyDataset) and catalog.exists(name)
