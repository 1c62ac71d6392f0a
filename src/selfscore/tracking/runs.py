"""One MLflow run per round and one per expert, below the run that is kept for `kedro run`.

These runs are written through a client and never made the active run, so whatever else logs to the
active run (kedro-mlflow's parameters, its datasets) is not disturbed, and no run is left open when
a node fails. Metrics are named alike in every round, and in every expert's run, so that they
compare side by side; the figures of the evaluation also go to the run of the whole with the round
as their step, so that they plot as curves there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from selfscore.configuration.layout import round_of
from selfscore.tracking.figures import (
    clean,
    curves,
    figure_metrics,
    flatten,
    headline_metrics,
    now,
    record_metrics,
)
from selfscore.tracking.words import (
    DESCRIPTION,
    EXPERIMENT_KIND,
    Label,
    dataset_input,
    description,
    page_of,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

# MLflow takes no more at once.
_METRICS, _PARAMETERS = 1000, 100
_LONGEST_PARAMETER = 500
_TRAINING_LOG = "_training_log"

# Which run: () is that of the whole, ("iteration_1",) a round's, ("iteration_1", "scoring") an
# expert's.
Where = tuple[str, ...]


class RoundRuns:
    """The runs below that of one `kedro run`, written to from one thread at a time.

    Args:
        client: of the store that the run of the whole is in.
        run_id: of the run of the whole.
        experiment_id: of its experiment.
        experts: names of the experts that a round may train.
        redact: takes secrets out of parameters.
        label: what tells the run of the whole from others.
    """

    def __init__(
        self,
        client: MlflowClient,
        run_id: str,
        experiment_id: str,
        experts: Iterable[str] = (),
        redact: Callable[[Any], Any] = lambda value: value,
        label: Label | None = None,
    ) -> None:
        self._client = client
        self._label = label
        self._experiment = experiment_id
        self._experts = frozenset(experts)
        self._redact = redact
        self._ids: dict[Where, str] = {(): run_id}
        self._tags: dict[str, str] = {}
        self._last_seen: dict[Where, int] = {}
        self._parameters: dict[Where, set[str]] = {}

    def tag(self, **tags: str) -> None:
        """Tag the run of the whole, and every run below it, those to come too."""
        from mlflow.entities import RunTag

        self._tags.update(tags)
        new = [RunTag(name, value) for name, value in tags.items()]
        for where in [(), *self._last_seen]:
            self._write(where, "log_batch", (), (), new)

    def name(self, what: str) -> None:
        """Name the run of the whole.

        Args:
            what: it is about, see `Label.name`.
        """
        if self._label is not None:
            self._client.update_run(self._ids[()], name=self._label.name(what))

    def describe(self, headline: str | None = None) -> None:
        """Describe the run of the whole by its tags, and by what came of it once that is known."""
        text = description(self._tags, self.page, headline)
        self._write((), "set_tag", DESCRIPTION, text)

    @property
    def page(self) -> str:
        """Address of the run of the whole, below that of the server."""
        return page_of(self._experiment, self._ids[()])

    def log_images(self, path: str, sha256: str) -> None:
        """List the images among the inputs of the run of the whole.

        Args:
            path: of the table `scored_images`.
            sha256: of that table.
        """
        data = (self._label.data if self._label else None) or path
        self._write((), "log_inputs", [dataset_input(data, path, sha256)])

    def open_on_runs(self) -> None:
        """Have the experiment open on its runs, unless somebody chose another page."""
        key, value = EXPERIMENT_KIND
        if key not in self._client.get_experiment(self._experiment).tags:
            self._client.set_experiment_tag(self._experiment, key, value)

    def log_parameters(
        self, namespace: str | None, inputs: Mapping[str, Any], outputs: Iterable[str] = ()
    ) -> None:
        """Log a node's parameters, without the round in their names, to the round's run.

        Those of a node that trains an expert also go to the expert's run, there without the
        expert's name in theirs.

        Args:
            namespace: of the node; outside the baseline and the rounds there is nothing to do.
            inputs: the node's inputs by dataset name.
            outputs: names of its outputs.
        """
        where = _round(namespace)
        if not where:
            return
        (top,) = where
        sections = {
            name.removeprefix("params:").removeprefix(f"{top}."): self._redact(value)
            for name, value in inputs.items()
            if name.startswith("params:")
        }
        self._log_new_parameters(where, sections)
        for expert in filter(None, map(_trained_by, outputs)):
            own = {name.removesuffix(f".{expert}"): value for name, value in sections.items()}
            self._log_new_parameters((top, expert), own)

    def log_outputs(self, namespace: str | None, outputs: Mapping[str, Any]) -> None:
        """Log what can be shown among a node's outputs.

        A round's `figures` become metrics such as `split/policy/metric`, and in the run of the
        expert whose figures they are `split/metric`. Tables named `<expert>_training_log` become
        curves over `step` in the expert's run, records named `*_report` a JSON artifact (outside
        rounds metrics, too), and charts and the report become artifacts; the champion also becomes
        a tag and the run's name, and the summary its description.

        Args:
            namespace: of the node; outputs of no round go to the run of the whole.
            outputs: the node's outputs by dataset name.
        """
        where = _round(namespace)
        for name, value in outputs.items():
            self._log_output(where, name.rsplit(".", 1)[-1], value)

    def end(self, status: str) -> None:
        """Close the runs below that of the whole, at the time of their last node.

        Args:
            status: "FINISHED", or "FAILED" for the runs of the round that was under way.
        """
        latest = max(self._last_seen, key=lambda where: self._last_seen[where], default=None)
        # An expert's run is closed before the round's, and fails with it only if it came last.
        failed = {latest[:depth] for depth in range(1, len(latest) + 1)} if latest else set()
        for where in sorted(self._last_seen, key=len, reverse=True):
            ended = status if where in failed else "FINISHED"
            self._client.set_terminated(self._ids[where], ended, self._last_seen[where])

    def close_killed(self, kedro_run_id: str) -> None:
        """Close what a killed run left open: nobody else does, and this run goes on from it.

        Args:
            kedro_run_id: of that run.
        """
        left = f"tags.kedro_run_id = '{kedro_run_id}' and attributes.status = 'RUNNING'"
        for run in self._client.search_runs([self._experiment], left):
            self._client.set_terminated(run.info.run_id, "KILLED")

    def _log_output(self, where: Where, name: str, value: Any) -> None:
        if isinstance(value, pd.DataFrame):
            self._log_table(where, name, value)
        elif isinstance(value, Mapping) and name.endswith("_report"):
            # What a round's reports say is among its figures.
            if not where:
                self._log_metrics(where, record_metrics(value, name.removesuffix("_report"), 0))
            text = json.dumps(value, indent=2, default=str)
            self._write(where, "log_text", text, f"{name}.json")
        elif not where:
            self._log_outcome(name, value)

    def _log_outcome(self, name: str, value: Any) -> None:
        """What came of the run of the whole."""
        if name == "champion":
            self._write((), "set_tag", "champion", value["policy"])
            self._write((), "log_text", json.dumps(value, indent=2), "champion.json")
            self.name(value["policy"])
        elif name == "run_summary":
            self.describe(value["headline"])
        elif name == "report":
            self._write((), "log_text", value, "report.html")
        elif name == "charts":
            for file, figure in value.items():
                self._write((), "log_figure", figure, file.replace(".png", "_chart.png"))

    def _log_table(self, where: Where, name: str, table: pd.DataFrame) -> None:
        if name == "figures":
            self._log_figures(where, table)
        elif name.endswith(_TRAINING_LOG) and where:
            self._log_metrics((*where, name.removesuffix(_TRAINING_LOG)), curves(table))
        elif not where and name == "figures_over_rounds":
            self._write(where, "log_text", table.to_csv(index=False), f"{name}.csv")

    def _log_figures(self, where: Where, table: pd.DataFrame) -> None:
        metrics = figure_metrics(table, _round_of(where))
        metrics += headline_metrics(table, _round_of(where))
        for place in {where, ()}:
            self._log_metrics(place, metrics)
        self._write(where, "log_text", table.to_csv(index=False), "figures.csv")
        for policy, rows in table.groupby("policy", sort=False):
            if policy in self._experts and where:
                own = figure_metrics(rows, _round_of(where), named=["split"])
                self._log_metrics((*where, str(policy)), own)

    def _log_new_parameters(self, where: Where, sections: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        known = self._parameters.setdefault(where, set())
        values = {
            clean(name): str(value)
            for section, below in sections.items()
            for name, value in flatten(below, section).items()
        }
        new = {name: value for name, value in values.items() if name not in known}
        known.update(new)
        parameters = [Param(name, value[:_LONGEST_PARAMETER]) for name, value in new.items()]
        for start in range(0, len(parameters), _PARAMETERS):
            self._write(where, "log_batch", (), parameters[start : start + _PARAMETERS])

    def _log_metrics(self, where: Where, metrics: list[Metric]) -> None:
        for start in range(0, len(metrics), _METRICS):
            self._write(where, "log_batch", metrics[start : start + _METRICS])

    def _write(self, where: Where, method: str, *arguments: Any) -> None:
        """Call a method of the client on a run, which is made if it is not there."""
        seen = now()
        for depth in range(1, len(where) + 1):
            if where[:depth] not in self._last_seen:
                self._create(where[:depth], seen)
            self._last_seen[where[:depth]] = seen
        getattr(self._client, method)(self._ids[where], *arguments)

    def _create(self, where: Where, begun: int) -> None:
        own = {"round": str(_round_of(where))} | ({"expert": where[1]} if where[1:] else {})
        run = self._client.create_run(
            self._experiment,
            start_time=begun,
            run_name=where[-1],
            tags={**self._tags, **own, "mlflow.parentRunId": self._ids[where[:-1]]},
        )
        self._ids[where] = run.info.run_id


def _trained_by(output: str) -> str | None:
    """The expert that a dataset is the training log of."""
    name = output.rsplit(".", 1)[-1]
    return name.removesuffix(_TRAINING_LOG) if name.endswith(_TRAINING_LOG) else None


def _round(namespace: str | None) -> Where:
    """The run of the baseline or of a round; of every other group of nodes, that of the whole."""
    top = (namespace or "").split(".")[0]
    return (top,) if round_of(top) is not None else ()


def _round_of(where: Where) -> int:
    """Number of the round; 0 for the baseline and outside rounds."""
    return (round_of(where[0]) if where else 0) or 0
