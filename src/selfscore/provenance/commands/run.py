"""Kedro's command `run`, with an end that says what to do.

A run that was stopped, and what the user can put right, end with a message; everything else is
shown with its traceback, as Kedro does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run

from selfscore.given_parameters import read_params


@contextmanager
def friendly_exit() -> Iterator[None]:
    """Turns errors of a run into a message and an exit code: 1, or 128 and the signal's number."""
    from kedro.io import DatasetError

    from selfscore.stopping import RunStoppedError
    from selfscore.storage_faults import explain

    try:
        yield
    except RunStoppedError as stopped:
        _say(stopped, str(stopped))
        sys.exit(stopped.exit_code)
    except Exception as error:
        words = explain(error)
        if words is None and isinstance(error, DatasetError) and error.__cause__ is None:
            words = str(error)
        if words is None:
            raise
        _say(error, words)
        sys.exit(1)


def _say(error: Exception, words: str) -> None:
    # `Recording` notes on the error how to go on; below a traceback, Python shows notes itself.
    for line in (words, *getattr(error, "__notes__", [])):
        click.secho(line, fg="yellow", err=True)


def _run(**arguments: Any) -> Any:
    assert kedro_run.callback is not None
    with friendly_exit():
        return kedro_run.callback(**arguments)


def _options() -> Iterator[click.Parameter]:
    """Kedro's own, with another reader of --params."""
    for option in kedro_run.params:
        own = copy(option)
        own.callback = read_params if option.name == "params" else option.callback
        yield own


run = click.Command("run", params=[*_options()], callback=_run, help=kedro_run.help)
