"""The hook that lets runs share a store: each reads the versions that it wrote itself.

Kedro loads the newest version there is at that moment. While another run writes into the same
store, that may be the other's, and a round would go on with somebody else's policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedro.framework.hooks import hook_impl

from selfscore.provenance.places import load_what_is_saved

if TYPE_CHECKING:
    from kedro.io import DataCatalog


class OwnVersionsHooks:
    """Fixes what is loaded of a dataset, from its first save on, to the version of this run.

    What the run reads and does not write is fixed by Kedro with the first load.
    """

    def __init__(self) -> None:
        self._catalog: DataCatalog | None = None

    @hook_impl
    def before_pipeline_run(self, catalog: DataCatalog) -> None:
        """Take the run's catalog."""
        self._catalog = catalog

    # Before it is stored, because Kedro looks for the newest version right after that, too.
    @hook_impl
    def before_dataset_saved(self, dataset_name: str) -> None:
        """Fix the version; one that was asked for with `--load-versions` stays."""
        if self._catalog is not None:
            load_what_is_saved(self._catalog[dataset_name])
