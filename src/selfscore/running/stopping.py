"""A run that Ctrl-C or SIGTERM stops ends like one that fails: its hooks close what is open.

Kedro tells its hooks of exceptions alone, and neither of the two is one. Nor does it tell them that
a run goes on from another.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import Any

import click
from kedro import __version__ as kedro_version
from kedro.framework import project
from kedro.framework.context import KedroContext
from kedro.framework.session import KedroSession
from kedro.pipeline import Pipeline
from kedro.runner import AbstractRunner, ParallelRunner, SequentialRunner, ThreadRunner

from selfscore.running.selection import select

# What a session calls a part of the pipeline → what the pipeline itself calls it.
_SELECTION = {
    "tags": "tags",
    "node_names": "node_names",
    "from_nodes": "from_nodes",
    "to_nodes": "to_nodes",
    "from_inputs": "from_inputs",
    "to_outputs": "to_outputs",
    "namespaces": "node_namespaces",
}
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_resumes: ContextVar[str | None] = ContextVar("_resumes", default=None)


def resumed_run() -> str | None:
    """Id of the run that the present one goes on from; see `StoppableSession.run`."""
    return _resumes.get()


@contextmanager
def going_on_from(run_id: str | None) -> Iterator[None]:
    """A run that is started in this block goes on from another; None: from none."""
    token = _resumes.set(run_id)
    try:
        yield
    finally:
        _resumes.reset(token)


class RunStoppedError(Exception):
    """A run that was stopped from outside.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        super().__init__(f"The run was stopped by {name}.")
        self.exit_code = 128 + number


class StoppableSession(KedroSession):
    """Kedro's session, whose run can be stopped; a second signal ends the process at once.

    What a run is asked for is looked up before any hook hears of the run.
    """

    _asked: dict[str, Any] | None = None
    _runner: AbstractRunner | None = None
    _steps_are_done = False

    def run(self, *arguments: Any, resumes: str | None = None, **options: Any) -> dict[str, Any]:
        """Run the pipeline.

        Args:
            arguments: see `KedroSession.run`.
            resumes: id of the run that this one goes on from; hooks ask `resumed_run` for it.
            options: see `KedroSession.run`.

        Raises:
            RunStoppedError: it was stopped.
            SelectionError: there is nothing of a name that was asked for.
            UsageError: the runner is one that runs nodes beside each other, where they compute.
        """
        self._asked = {name: options.get(name) for name in ("pipeline_names", *_SELECTION)}
        runner = options["runner"] = options.get("runner") or SequentialRunner()
        self._runner = runner
        runner.run = self._noting_its_end(runner.run)  # type: ignore[method-assign]
        # Kedro's advice on going on names nodes of the graph, and knows nothing of versions.
        logging.getLogger(type(runner).__module__).addFilter(_is_no_advice)
        with self._stoppable(), going_on_from(resumes):
            return super().run(*arguments, **options)

    def load_context(self) -> KedroContext:
        """The context; only once it has read the configuration, it is known what may be asked for.

        Raises:
            SelectionError: there is nothing of a name that the run was asked for.
            UsageError: the runner is one that runs nodes beside each other, where they compute.
        """
        context = super().load_context()
        if self._asked is not None:
            machine = context.config_loader["parameters"].get("machine", {})
            _check_runner(self._runner, machine.get("engine"))
            asked = {_SELECTION[name]: self._asked[name] for name in _SELECTION}
            select(project.pipelines, self._asked["pipeline_names"], **asked)
        return context

    def end(self, resumes: str) -> None:
        """Do what follows from a run whose steps are all done: a run without steps goes on from it.

        Args:
            resumes: id of the run.

        Raises:
            RunStoppedError: it was stopped.
        """
        self._steps_are_done = True
        context: Any = self.load_context()
        run_id = self.store["session_id"]
        asked = {
            **dict.fromkeys(("pipeline_names", "load_versions", *_SELECTION)),
            "run_id": run_id,
            "project_path": self._project_path.as_posix(),
            "env": context.env,
            "kedro_version": kedro_version,
            "runtime_params": self.store.get("runtime_params") or {},
            "runner": "None",
            "only_missing_outputs": False,
        }
        called = {
            "run_params": asked,
            "pipeline": Pipeline([]),
            "catalog": context._get_catalog(save_version=run_id),
        }
        with self._stoppable(), going_on_from(resumes):
            self._hook_manager.hook.before_pipeline_run(**called)
            self._hook_manager.hook.after_pipeline_run(run_result={}, **called)

    def _noting_its_end(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """A runner's `run`, which ends by an error when it is stopped, as Kedro tells hooks."""

        @functools.wraps(run)
        def until_stopped(*arguments: Any, **options: Any) -> Any:
            try:
                results = run(*arguments, **options)
            except KeyboardInterrupt as stop:
                raise RunStoppedError(_number(stop)) from None
            self._steps_are_done = True
            return results

        return until_stopped

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Before and after its steps a run is stopped, too, in what its hooks do."""
        try:
            with _signals_stop():
                yield
        except KeyboardInterrupt as stop:
            stopped = RunStoppedError(_number(stop))
            if self._steps_are_done:
                stopped.add_note(
                    "All its steps are done. What comes after them, such as registering the "
                    f"champion, is done by: kedro resume{self._where()}"
                )
            raise stopped from None

    def _where(self) -> str:
        """The options that name this session's configuration."""
        env = self.store.get("env")
        source = Path(self._conf_source)
        usual = source == self._project_path / project.settings.CONF_SOURCE
        return (f" --env={env}" if env else "") + ("" if usual else f" --conf-source={source}")


def _check_runner(runner: AbstractRunner | None, engine: str | None) -> None:
    """Refuse nodes beside each other: they share a model's memory and random generators.

    Where workers compute, each with a model of its own, nodes may wait for them in threads.
    """
    remedy = "leave out --runner"
    if isinstance(runner, ThreadRunner):
        if engine == "ray":
            return
        remedy += ", or let workers compute with --params=machine.engine=ray (docs/cluster.md)"
    if isinstance(runner, ThreadRunner | ParallelRunner):
        raise click.UsageError(
            f"{type(runner).__name__} runs nodes beside each other, and they would load models and "
            f"draw random numbers at the same time, so that results differ from run to run: "
            f"{remedy}."
        )


class _Stop(KeyboardInterrupt):
    """What a signal raises where the main thread is: no library catches it as an error."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _number(stop: KeyboardInterrupt) -> int:
    return getattr(stop, "number", signal.SIGINT)


@contextmanager
def _signals_stop() -> Iterator[None]:
    # Signals can be caught in the main thread alone.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, _frame: FrameType | None) -> None:
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_DFL)
    # Not through Python's streams, which may be in the middle of something.
    os.write(2, b"\nStopping. (Once more, and the process is ended at once.)\n")
    raise _Stop(number)


def _is_no_advice(record: logging.LogRecord) -> bool:
    text = record.getMessage()
    return "You can resume the pipeline run" not in text and "No nodes ran. Repeat" not in text
