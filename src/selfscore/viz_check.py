"""Parameters are checked before kedro-viz starts a process of its own.

In that process a mistake would be a traceback, and this one would wait for a server that never
comes. Kedro calls the hook of every command, see `kedro.cli_hooks` in pyproject.toml.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from kedro.framework.cli.hooks import cli_hook_impl

if TYPE_CHECKING:
    from kedro.framework.startup import ProjectMetadata

_STARTS_A_PROCESS = ("run", "build", "deploy")


class CheckBeforeViz:
    """Ends `kedro viz` with the message that `kedro run` would end with."""

    @cli_hook_impl
    def before_command_run(
        self, project_metadata: ProjectMetadata | None, command_args: list[str]
    ) -> None:
        """Read the configuration as the command is about to read it."""
        if project_metadata is None or command_args[:1] != ["viz"]:
            return
        # Without a name, `kedro viz` is `kedro viz run`.
        named = [name for name in command_args[1:2] if not name.startswith("-")]
        if named and named[0] not in _STARTS_A_PROCESS:
            return
        from kedro.framework.project import settings

        from selfscore.configuration.given_parameters import read_params

        given = click.Command(
            "viz",
            params=[
                click.Option(["--params"], default="", callback=read_params),
                click.Option(["--env", "-e"]),
            ],
            context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        ).make_context("viz", command_args[1 + len(named) :])
        try:
            settings.CONFIG_LOADER_CLASS(
                str(project_metadata.project_path / settings.CONF_SOURCE),
                env=given.params["env"],
                runtime_params=given.params["params"],
                **settings.CONFIG_LOADER_ARGS,
            )
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)


check_before_viz = CheckBeforeViz()
