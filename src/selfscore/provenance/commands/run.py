"""Kedro's command `run`, with an end that says what to do.

A run that was stopped, and what the user can put right, end with a message; a fault of a program is
shown with its traceback, as Kedro does.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

import click
from kedro import runner as runners
from kedro.framework.cli.project import run as kedro_run

from selfscore.configuration.given_parameters import read_params
from selfscore.provenance.commands.shared import plainly, show_traceback, verbose_option

logger = logging.getLogger(__name__)


@contextmanager
def friendly_exit() -> Iterator[None]:
    """Turns errors of a run into a message and an exit code: 1, or 128 and the signal's number."""
    from selfscore.running.mistakes import in_words
    from selfscore.running.stopping import RunStoppedError

    code = 0
    try:
        yield
    except RunStoppedError as stopped:
        _say(stopped, str(stopped))
        code = stopped.exit_code
    except click.ClickException:
        show_traceback()
        raise
    except Exception as error:
        words = in_words(error)
        if words is None:
            raise
        show_traceback()
        _say(error, words)
        code = 1
    # Out here the error is gone, and with it the files that it holds open: clients of stores wait
    # for ever if that comes at the very end of the process.
    if code:
        sys.exit(code)


def _say(error: Exception, words: str) -> None:
    # `Recording` notes on the error how to go on; below a traceback, Python shows notes itself.
    for line in (words, *getattr(error, "__notes__", [])):
        click.secho(line, fg="yellow", err=True)


def _run(**arguments: Any) -> Any:
    assert kedro_run.callback is not None
    _check_runner(arguments["runner"])
    # Libraries and the catalog take seconds from here to the first node.
    logger.info("Reading the configuration and what is to be run.")
    with friendly_exit():
        return kedro_run.callback(**arguments)


def _options() -> Iterator[click.Parameter]:
    """Kedro's own, with another reader of --params."""
    for option in kedro_run.params:
        own = copy(option)
        own.callback = read_params if option.name == "params" else option.callback
        own.callback = plainly(own.callback) if own.callback else None
        yield own


def _check_runner(name: str | None) -> None:
    # With a dot in it, it is a class of somebody else's.
    if name is None or "." in name or hasattr(runners, name):
        return
    raise click.BadParameter(
        f"Kedro has no runner '{name}': leave it out, or choose SequentialRunner.",
        param_hint="--runner",
    )


run = verbose_option(click.Command("run", params=[*_options()], callback=_run, help=kedro_run.help))
