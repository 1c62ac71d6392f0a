"""A node goes on with its own work, and with nobody else's."""

import pandas as pd
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset
from kedro_datasets.pandas import CSVDataset

from selfscore.datasets.checkpoint import CheckpointDataset
from selfscore.provenance.hook import ProvenanceHooks


class KilledError(Exception):
    pass


class Project:
    """One node that multiplies rows, one after the other, and may be killed after some of them."""

    def __init__(self, folder):
        self.folder = folder
        self.data([1, 2, 3])

    def data(self, values):
        table = pd.DataFrame({"value": values})
        CSVDataset(filepath=str(self.folder / "table.csv"), save_args={"index": False}).save(table)

    def run(self, factor=2, most=9):
        """Run; gives the places computed in this run, and the result."""
        done = []

        def multiply(table, factor, checkpoint):
            for place, value in enumerate(table["value"]):
                if str(place) not in checkpoint:
                    if len(done) == most:
                        raise KilledError
                    done.append(place)
                    checkpoint[str(place)] = str(factor * value).encode()
            return [int(checkpoint[str(place)]) for place in range(len(table))]

        catalog = DataCatalog(
            {
                "table": CSVDataset(filepath=str(self.folder / "table.csv")),
                "checkpoints": CheckpointDataset(filepath=str(self.folder / "work")),
                "products": JSONDataset(filepath=str(self.folder / "products.json")),
                "params:factor": MemoryDataset(factor),
            }
        )
        node = Node(
            multiply, ["table", "params:factor", "checkpoints"], "products", name="multiply"
        )
        hooks = _create_hook_manager()
        hooks.register(ProvenanceHooks())
        try:
            SequentialRunner().run(Pipeline([node]), catalog, hooks)
        except KilledError:
            return done, None
        return done, catalog["products"].load()


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_a_killed_run_is_gone_on_with(project):
    assert project.run(most=2) == ([0, 1], None)
    assert project.run() == ([2], [2, 4, 6])


def test_with_other_parameters_nothing_is_gone_on_with(project):
    project.run(most=2)
    assert project.run(factor=3) == ([0, 1, 2], [3, 6, 9])


def test_with_other_data_nothing_is_gone_on_with(project):
    project.run(most=2)
    project.data([1, 2, 3000])
    assert project.run() == ([0, 1, 2], [2, 4, 6000])


def test_a_finished_node_leaves_no_work(project):
    project.run()
    assert not list((project.folder / "work").iterdir())
    assert project.run() == ([0, 1, 2], [2, 4, 6])


def test_other_code_goes_on_with_nothing(project, monkeypatch):
    project.run(most=2)
    monkeypatch.setattr(
        "selfscore.provenance.checkpoint_owner.sha256_module", lambda module: "other code"
    )
    assert project.run() == ([0, 1, 2], [2, 4, 6])
