"""The hook that makes the pipelines follow the parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedro.framework import project
from kedro.framework.hooks import hook_impl

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext


class RoundsHooks:
    """Makes the pipelines follow the configured rounds and experts."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Read the parameters before Kedro first builds the pipelines.

        Kedro keeps the pipelines it has built for the life of the process, so they are built
        anew when this session asks for other rounds or experts than the one before it.
        """
        from selfscore.pipelines.iteration import rounds

        before = rounds.set_by_session()
        _ = context.config_loader["parameters"]
        if rounds.set_by_session() != before:
            project.pipelines.configure(f"{project.PACKAGE_NAME}.pipeline_registry")
