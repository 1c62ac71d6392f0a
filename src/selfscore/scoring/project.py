"""Which policy of a Kedro project scores, and how the project puts policies into memory.

Knows the project's parameters and catalog.
"""

from __future__ import annotations

import logging
from contextlib import chdir
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog

from selfscore.datasets.policy import PolicyDataset
from selfscore.layout import policy_name
from selfscore.provenance.project import Project
from selfscore.scoring.policies import FoundPolicy, read_policy
from selfscore.vlm.options import LoadOptions

logger = logging.getLogger(__name__)

# A record of the best policy: `policy`, its dataset, and `digest`.
CHAMPION = "champion"


def find_policy(project: Project, named: str | None) -> FoundPolicy:
    """The policy that scores.

    Args:
        project: that has made policies.
        named: a folder, or a policy of the catalog such as "policy_2". None: the champion if the
            catalog has one, else the last policy there is of the rounds that the configuration
            asks for.

    Raises:
        FileNotFoundError: there is no such policy.
    """
    if named is not None and Path(named).is_dir():
        return read_policy(named)
    # Paths in the catalog count from the project's root.
    with chdir(project.path):
        catalog = project.catalog
        policies = [policy_name(number) for number in range(project.parameters["rounds"], -1, -1)]
        present = [name for name in policies if catalog.exists(name)]
        champion = {} if named else _champion(catalog)
        name = named or champion.get("policy") or next(iter(present), policies[0])
        if not _is_policy(catalog, name):
            there = f"There is: {', '.join(present)}." if present else "There is none yet."
            raise FileNotFoundError(
                f"There is no policy '{name}': no such folder, and no such policy that this "
                f"project has made. {there} Run the pipeline `iteration`, or name another policy "
                "with --policy."
            )
        policy = catalog.load(name)
    if champion.get("digest", policy.digest) != policy.digest:
        logger.warning(
            "'%s' was made again after it was chosen as the champion. Run the pipeline "
            "`reporting` to choose anew, or name the policy with --policy.",
            name,
        )
    return FoundPolicy(policy, name, project.path)


def load_options(project: Project) -> LoadOptions:
    """How the project puts policies into memory: its parameters `machine.loading`."""
    return LoadOptions(**project.parameters["machine"]["loading"])


def _champion(catalog: DataCatalog) -> dict[str, Any]:
    if CHAMPION not in catalog or not catalog.exists(CHAMPION):
        return {}
    record: dict[str, Any] = catalog.load(CHAMPION)
    return record


def _is_policy(catalog: DataCatalog, name: str) -> bool:
    return name in catalog and isinstance(catalog.get(name), PolicyDataset) and catalog.exists(name)
