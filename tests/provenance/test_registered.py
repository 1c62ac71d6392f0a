"""What the model registry and the champion name, with a real registry in a file."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest
from mlflow import MlflowClient

from selfscore.provenance.champion import ChampionError
from selfscore.provenance.registered import RegistryError, registered


def test_registered_models_and_the_champion_are_named(tiny):
    uri = f"sqlite:///{tiny.root}/mlflow.db"
    client = MlflowClient(uri, uri)
    run = client.create_run("0")
    client.create_registered_model("selfscore")
    client.create_model_version(
        "selfscore", f"{tiny.root}/model", run.info.run_id, tags={"digest": "abc"}
    )
    tiny.run()
    digest = tiny.manifests()[0].artifacts["policy_1"].digest
    project = replace(tiny.opened(), mlflow={"server": {"mlflow_tracking_uri": uri}})
    project.catalog.save("champion", {"policy": "policy_1", "digest": digest})
    assert registered(project, tiny.manifests()) == {run.info.run_id, "abc", digest}


def test_nothing_is_made_by_asking(tiny):
    uri = f"sqlite:///{tiny.root}/mlflow.db"
    assert (
        registered(replace(tiny.opened(), mlflow={"server": {"mlflow_tracking_uri": uri}}), [])
        == set()
    )
    assert not (tiny.root / "mlflow.db").exists()
    assert registered(tiny.opened(), []) == set()


def test_a_registry_that_does_not_answer_is_no_empty_one(tiny):
    with sqlite3.connect(tiny.root / "mlflow.db") as database:
        database.execute("create table alembic_version (version_num text)")
        database.execute("insert into alembic_version values ('of another world')")
    uri = f"sqlite:///{tiny.root}/mlflow.db"
    with pytest.raises(RegistryError, match="does not answer"):
        registered(replace(tiny.opened(), mlflow={"server": {"mlflow_tracking_uri": uri}}), [])


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "3",
        "{}",
        '{"digest": "a"}',
        '{"policy": "policy_1"}',
        '{"policy": "policy_1", "digest": ["a"]}',
        '{"policy": "../policy_1", "digest": "a"}',
        '{"dig',
        "",
    ],
)
def test_a_champion_that_cannot_be_read_is_no_missing_one(tiny, content):
    project = tiny.opened()
    project.catalog.save("champion", {"policy": "policy_1", "digest": "def"})
    [file] = (path for path in (tiny.root / "data/champion.json").rglob("*") if path.is_file())
    file.write_text(content)
    with pytest.raises(ChampionError, match="The champion cannot be read"):
        registered(tiny.opened(), [])


def test_a_champion_that_no_manifest_names_is_said(tiny):
    tiny.run()
    project, manifests = tiny.opened(), tiny.manifests()
    digest = manifests[0].artifacts["policy_1"].digest
    project.catalog.save("champion", {"policy": "policy_1", "digest": digest})
    registered(tiny.opened(), manifests)
    with pytest.raises(RegistryError, match="No manifest says which version the champion is"):
        registered(tiny.opened(), [])
