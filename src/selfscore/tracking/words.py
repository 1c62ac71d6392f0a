"""What a person reads of a tracked run: its name, its description, its address.

Knows how MLflow's pages are addressed; writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from selfscore.tracking.local_store import file_of

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

# Where `make mlflow` opens the local store.
_HERE = "http://127.0.0.1:5000"
# MLflow takes no longer digests.
_DIGEST = 36
# Folders that many data sets have, and that therefore name none.
_PLAIN = {"images", "image", "imgs", "photos", "pictures"}
# Without it, an experiment opens on a page for language models in production, which is empty.
EXPERIMENT_KIND = ("mlflow.experimentKind", "custom_model_development")
DESCRIPTION = "mlflow.note.content"


@dataclass(frozen=True)
class Label:
    """What tells a run from others.

    Attributes:
        data: name of the images; None where the run has none.
        when: it began.
    """

    data: str | None
    when: str

    @classmethod
    def of(cls, folder: str | None, run_id: str) -> Label:
        """The label of a run.

        Args:
            folder: of the images; None where there are none.
            run_id: as Kedro writes it, `2026-01-31T09.05.00.000Z`.
        """
        day, _, clock = run_id.partition("T")
        data = None
        if folder is not None:
            path = PurePath(folder)
            data = path.parent.name if path.name.lower() in _PLAIN else path.name
        return cls(data or folder, f"{day} {':'.join(clock.split('.')[:2])}".strip())

    def name(self, what: str) -> str:
        """Name of the run.

        Args:
            what: it is about: its pipelines, or the policy that it chose.
        """
        return f"{what} on {self.data}, {self.when}" if self.data else f"{what}, {self.when}"


def description(tags: Mapping[str, str], page: str, headline: str | None = None) -> str:
    """The description of a run, in Markdown.

    Args:
        tags: of the run.
        page: its address below that of the server.
        headline: what came of it; None while that is not known.
    """
    files = f"{page}/artifacts"
    report = (
        f" [The report]({files}/report.html) and its charts are among the files."
        if headline
        else ""
    )
    of = {
        "Scored": tags.get("domain"),
        "Data": tags.get("dataset"),
        "Base model": tags.get("base_model"),
        "Commit": tags.get("git_commit"),
        "Run of Kedro": tags.get("kedro_run_id"),
        "Goes on from": tags.get("resumes"),
    }
    lines = [f"- {name}: `{value}`" for name, value in of.items() if value]
    last = f"What it read and made is in [manifest.json]({files}/manifest.json)."
    first = (headline or "The run has not come to its report.") + report
    return "\n".join([first, "", *lines, "", last])


def page_of(experiment: str, run: str) -> str:
    """Address of a run's page, below that of the server."""
    return f"#/experiments/{experiment}/runs/{run}"


def way_to(uri: str, page: str, ours: Path) -> str:
    """How to look at a run, in words.

    Args:
        uri: of the store, without secrets.
        page: as of `page_of`.
        ours: file that `make mlflow` opens.
    """
    if uri.startswith("http"):
        return f"{uri.rstrip('/')}/{page}"
    file = file_of(uri)
    # A relative path counts from the project, where the command is typed.
    is_ours = file is not None and ours.parent / file == ours
    command = "make mlflow" if is_ours else f"mlflow ui --backend-store-uri {uri}"
    return f"{command}, then {_HERE}/{page}"


def dataset_input(name: str, path: str, sha256: str) -> DatasetInput:
    """The images of a run, as MLflow lists them.

    Args:
        name: of the images.
        path: of the table that has them.
        sha256: of that table, which has the sha256 of each image.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source: dict[str, Any] = {"uri": path}
    return DatasetInput(
        Dataset(name, sha256[:_DIGEST], "local", json.dumps(source)),
        [InputTag("mlflow.data.context", "scored images")],
    )
