"""One MLflow run per round, as children of the run that kedro-mlflow keeps for `kedro run`.

The child runs are written through a client and never made the active run, so whatever else logs
to the active run (kedro-mlflow's parameters, its datasets) is not disturbed, and no run is left
open when a node fails. Metrics are named alike in every round, so that they compare side by side,
and the figures of the evaluation also go to the parent with the round as their step, so that
they plot as curves there.
"""

from __future__ import annotations

import json
import logging
import math
import numbers
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

logger = logging.getLogger(__name__)

_BATCH = 1000  # MLflow takes no more metrics at once.
_LONGEST_PARAMETER = 500
# Tables of figures, and what a figure of each is called.
_FIGURES = {
    "metrics": "{split}/{policy}/{metric}",
    "consistency": "{split}/{policy}/{judge}/{metric}",
    "judge_agreement": "{split}/{policy}/{judge}/{other_judge}/{metric}",
    "controls": "{split}/{policy}/{control}/{metric}",
    "health": "{split}/{policy}/health/{metric}",
}


class RoundRuns:
    """The child runs of one `kedro run`.

    Args:
        client: Client of the store that the parent run is in.
        parent_id: Id of the parent run.
        experiment_id: Id of its experiment.
    """

    def __init__(self, client: MlflowClient, parent_id: str, experiment_id: str) -> None:
        self._client = client
        self._parent = parent_id
        self._experiment = experiment_id
        self._children: dict[str, str] = {}
        self._last_seen: dict[str, int] = {}
        self._parameters: dict[str, set[str]] = {}

    @classmethod
    def below_active_run(cls) -> RoundRuns | None:
        """Child runs below MLflow's active run, or None when no run is active."""
        import mlflow

        active = mlflow.active_run()
        if active is None:
            return None
        return cls(mlflow.MlflowClient(), active.info.run_id, active.info.experiment_id)

    def log_parameters(self, namespace: str | None, inputs: Mapping[str, Any]) -> None:
        """Log a node's parameters, without the round in their names, to the round's run.

        Args:
            namespace: Namespace of the node; only its first part counts. None: nothing to do.
            inputs: The node's inputs by dataset name.
        """
        if not namespace:
            return
        top = namespace.split(".")[0]
        values: dict[str, Any] = {}
        for name, value in inputs.items():
            if name.startswith("params:"):
                values.update(_flatten(value, name.removeprefix("params:").removeprefix(f"{top}.")))
        self._safely(self._write_parameters, top, values)

    def log_outputs(self, namespace: str | None, outputs: Mapping[str, Any]) -> None:
        """Log what can be shown among a node's outputs.

        Tables of figures (`metrics`, `consistency`, `judge_agreement`, `controls`, `health`) become
        metrics such as `split/policy/metric`, tables named `<expert>_training_log` become curves
        `expert/column` over `step`, records named `*_report` become metrics and a JSON artifact,
        and figures and the report become artifacts; the champion also becomes a tag.

        Args:
            namespace: Namespace of the node; outputs without one go to the parent run.
            outputs: The node's outputs by dataset name.
        """
        top = namespace.split(".")[0] if namespace else None
        for name, value in outputs.items():
            self._safely(self._write_output, top, name.rsplit(".", 1)[-1], value)
        if top in self._last_seen:
            self._last_seen[top] = _now()

    def end(self, status: str) -> None:
        """Close the child runs at the time their last node ended.

        Args:
            status: "FINISHED", or "FAILED" for the run of the round that was under way.
        """
        latest = max(self._last_seen, key=lambda name: self._last_seen[name], default=None)
        for name, run_id in self._children.items():
            ended = status if name == latest else "FINISHED"
            self._safely(self._client.set_terminated, run_id, ended, self._last_seen[name])

    def _run_of(self, top: str | None) -> str:
        """Id of the round's run, which is created when it is first needed."""
        if top is None:
            return self._parent
        if top not in self._children:
            run = self._client.create_run(
                self._experiment,
                run_name=top,
                tags={"mlflow.parentRunId": self._parent, "round": str(_round_of(top))},
            )
            self._children[top] = run.info.run_id
            self._last_seen[top] = _now()
        return self._children[top]

    def _write_parameters(self, top: str, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        run_id = self._run_of(top)
        known = self._parameters.setdefault(top, set())
        new = {_clean(name): str(value) for name, value in values.items() if name not in known}
        known.update(values)
        params = [Param(name, value[:_LONGEST_PARAMETER]) for name, value in new.items()]
        for start in range(0, len(params), 100):
            self._client.log_batch(run_id, params=params[start : start + 100])

    def _write_output(self, top: str | None, name: str, value: Any) -> None:
        run_id = self._run_of(top)
        step = _round_of(top)
        if isinstance(value, pd.DataFrame):
            if name in _FIGURES and not value.empty:
                self._write_metrics(run_id, _table_metrics(value, _FIGURES[name], step))
                self._write_metrics(self._parent, _table_metrics(value, _FIGURES[name], step))
                self._client.log_text(run_id, value.to_csv(index=False), f"{name}.csv")
            elif name.endswith("_training_log"):
                self._write_metrics(run_id, _curves(value, name.removesuffix("_training_log")))
            elif top is None and name.endswith("_table"):
                self._client.log_text(run_id, value.to_csv(index=False), f"{name}.csv")
        elif isinstance(value, Mapping) and name.endswith("_report"):
            prefix = name.removesuffix("_report")
            self._write_metrics(run_id, _record_metrics(value, prefix, step))
            text = json.dumps(value, indent=2, default=str)
            self._client.log_text(run_id, text, f"{name}.json")
        elif top is None and name == "champion":
            self._client.set_tag(run_id, "champion", value["policy"])
            self._client.log_text(run_id, json.dumps(value, indent=2), "champion.json")
        elif top is None and name == "report":
            self._client.log_text(run_id, value, "report.html")
        elif hasattr(value, "savefig"):
            self._client.log_figure(run_id, value, f"{name}.png")
        elif hasattr(value, "write_html"):
            self._client.log_figure(run_id, value, f"{name}.html")

    def _write_metrics(self, run_id: str, metrics: Iterator[Metric]) -> None:
        everything = list(metrics)
        for start in range(0, len(everything), _BATCH):
            self._client.log_batch(run_id, metrics=everything[start : start + _BATCH])

    def _safely(self, write: Callable[..., object], *arguments: Any) -> None:
        """Write, and only warn when the store fails: it must not cost a trained round."""
        from mlflow.exceptions import MlflowException

        try:
            write(*arguments)
        except (MlflowException, OSError) as error:
            logger.warning("Not written to MLflow: %s", error)


def _table_metrics(table: pd.DataFrame, name: str, step: int) -> Iterator[Metric]:
    """Figures of a table (columns of the name's pattern, and value), the pooled ones if grouped."""
    pooled = table[table["group"] == "all"] if "group" in table else table
    for row in pooled.to_dict("records"):
        yield from _metric(name.format_map(row), row["value"], step)


def _curves(log: pd.DataFrame, expert: str) -> Iterator[Metric]:
    """Every numeric column of a training log over its `step` column."""
    for column in log.select_dtypes("number").columns.drop("step", errors="ignore"):
        for step, value in zip(log["step"], log[column], strict=True):
            yield from _metric(f"{expert}/{column}", value, int(step))


def _record_metrics(record: Mapping[str, Any], prefix: str, step: int) -> Iterator[Metric]:
    """Every number in a nested record."""
    for name, value in _flatten(record, prefix, separator="/").items():
        if isinstance(value, numbers.Real):
            yield from _metric(name, value, step)


def _metric(name: str, value: Any, step: int) -> Iterator[Metric]:
    from mlflow.entities import Metric

    # What is missing (pandas.NA, None) or not a number has no point on a curve.
    if value is None or value is pd.NA or not math.isfinite(float(value)):
        return
    yield Metric(_clean(name), float(value), _now(), step)


def _flatten(value: Any, name: str, separator: str = ".") -> dict[str, Any]:
    """Nested mappings as one flat one, the keys joined."""
    if not isinstance(value, Mapping):
        return {name: value}
    flat: dict[str, Any] = {}
    for key, below in value.items():
        flat.update(_flatten(below, f"{name}{separator}{key}", separator))
    return flat


def _clean(name: str) -> str:
    """Name with only the characters that MLflow takes."""
    return re.sub(r"[^\w.\- :/]", "_", name)


def _round_of(top: str | None) -> int:
    """Number of the round in a namespace; 0 for the baseline and outside rounds."""
    found = re.fullmatch(r"iteration_(\d+)", top or "")
    return int(found.group(1)) if found else 0


def _now() -> int:
    return int(time.time() * 1000)
