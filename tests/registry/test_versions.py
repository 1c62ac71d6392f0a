"""What a run puts into the registry, and which version is in use."""

from __future__ import annotations

import base64
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from kedro.io import DataCatalog
from mlflow import MlflowClient

from selfscore.handoff.verify import verify
from selfscore.provenance.project import Project
from selfscore.provenance.registered import registered
from selfscore.registry.versions import VersionError, plan_promotion, promote
from selfscore.scoring import Scorer


def aliases(client: MlflowClient) -> dict[str, str]:
    return {
        name: str(version)
        for name, version in client.get_registered_model("selfscore").aliases.items()
    }


def test_a_champion_is_registered_with_all_that_belongs_to_it(home, photos, caplog):
    run_id = home.run()
    assert "not in the model registry" not in caplog.text
    version = home.client.get_model_version_by_alias("selfscore", "champion")
    assert aliases(home.client) == {"champion": "1", "candidate": "1"}
    assert version.description.startswith("# policy_1")
    scored = {"dataset_sha256"}
    assert version.tags.keys() >= {"policy", "digest", "kedro_run_id", "base_model"} | scored
    assert version.tags["kedro_run_id"] == run_id
    assert version.tags["validation_srcc"] == "0.510 [0.100, 0.900]"
    tracked = home.client.get_run(version.run_id)
    assert tracked.info.experiment_id == home.experiment

    # What the retention of old versions goes by.
    project = Project(
        home.root,
        None,
        {},
        DataCatalog(),
        mlflow={"server": {"mlflow_tracking_uri": mlflow.get_tracking_uri()}},
    )
    named = registered(project, [])
    assert {version.run_id, version.tags["digest"]} <= named

    # It is a handoff, and nothing in it runs when it is opened.
    folder = Path(mlflow.artifacts.download_artifacts("models:/selfscore@champion"))
    assert all(check.passed for check in verify(folder / "artifacts/handoff"))
    kinds = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert not kinds & {".pkl", ".pickle", ".bin", ".pt", ".pth", ".joblib"}
    assert [path.name for path in folder.rglob("*.py")] == ["entry.py"]

    # Loaded by its alias it says what the policy says.
    model = mlflow.pyfunc.load_model("models:/selfscore@champion")
    assert model.metadata.signature.inputs.input_names() == ["image"]
    assert model.input_example is not None
    assert model.predict(model.input_example)["error"].tolist() == [None]
    expected = Scorer.load(folder / "artifacts/handoff/policy").score(photos)
    content = [path.read_bytes() for path in photos]
    text = [base64.b64encode(one).decode() for one in content]
    for images in (
        list(map(str, photos)),
        content,
        text,
        [f"data:image/png;base64,{text[0]}", *text[1:]],
    ):
        found = model.predict(pd.DataFrame({"image": images}))
        assert found["score"].tolist() == pytest.approx([one.score for one in expected])
        assert found["explanation"].tolist() == [one.explanation for one in expected]
    assert found["policy_digest"].unique().tolist() == [version.tags["digest"]]
    quick = model.predict(pd.DataFrame({"image": text}), params={"explain": False})
    assert quick["explanation"].tolist() == [None] * 3
    assert quick["score"].notna().all()


def test_what_is_no_image_has_its_reason(home, photos):
    home.run()
    model = mlflow.pyfunc.load_model("models:/selfscore/1")
    broken = [str(photos[0]), "no/such/file.png", b"", base64.b64encode(b"text").decode()]
    found = model.predict(pd.DataFrame({"image": broken}), params={"explain": False})
    assert found["error"].tolist() == [
        None,
        "neither a file here nor an image in base64",
        "the file is empty",
        "cannot be read as an image",
    ]
    assert found["score"].notna().tolist() == [True, False, False, False]


def test_a_later_champion_is_a_candidate_until_it_is_promoted(home):
    home.run(seed=1)
    home.run(seed=2)
    home.run(seed=2)
    assert len(home.client.search_model_versions("name='selfscore'")) == 2, "one a policy"
    assert aliases(home.client) == {"champion": "1", "candidate": "2"}

    plan = plan_promotion(home.client, "selfscore")
    assert plan.before is not None
    assert (str(plan.before.version), str(plan.after.version)) == ("1", "2")
    assert plan.is_comparable
    assert aliases(home.client)["champion"] == "1", "a plan changes nothing"
    promote(home.client, plan)
    assert aliases(home.client) == {"champion": "2", "candidate": "2"}
    promote(home.client, plan_promotion(home.client, "selfscore", version="1"))
    assert aliases(home.client)["champion"] == "1"


def test_figures_of_other_images_do_not_compare(home):
    home.run(seed=1)
    pd.DataFrame({"path": ["b.jpg"], "score": [2.0]}).to_parquet(home.root / "data/scored.parquet")
    home.run(seed=2)
    assert not plan_promotion(home.client, "selfscore").is_comparable


def test_what_is_not_there_cannot_be_promoted(home):
    with pytest.raises(VersionError, match="has none at all"):
        plan_promotion(home.client, "selfscore")
    home.run()
    with pytest.raises(VersionError, match=r"no version 7\. There is: 1\."):
        plan_promotion(home.client, "selfscore", version="7")
    with pytest.raises(VersionError, match="no version with the alias 'best'"):
        plan_promotion(home.client, "selfscore", alias="best")


def test_another_base_model_in_the_same_place_is_refused(home):
    home.run()
    with (home.root / "models/base/config.json").open("a") as stream:
        stream.write("\n")
    with pytest.raises(ValueError, match="is not the one that policy_1 was trained on"):
        mlflow.pyfunc.load_model("models:/selfscore/1")


def test_the_base_model_may_have_moved(home, photos):
    home.run()
    (home.root / "models/base").rename(home.root / "elsewhere")
    settings = {"base_model": str(home.root / "elsewhere")}
    model = mlflow.pyfunc.load_model("models:/selfscore/1", model_config=settings)
    [score] = model.predict(pd.DataFrame({"image": [str(photos[0])]}))["score"]
    assert score is not None


def test_a_run_that_asks_for_none_registers_nothing(home):
    home.run(model=None)
    assert not home.client.search_registered_models()


@pytest.mark.parametrize("away", ["untracked", "registry"])
def test_a_champion_that_cannot_be_registered_costs_a_warning(home, away, caplog, monkeypatch):
    if away == "registry":
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        mlflow.set_registry_uri("http://user:geheim@127.0.0.1:9")
    home.run(tracked=away == "registry")
    assert "The champion policy_1 is not in the model registry" in caplog.text
    assert "--pipelines=reporting" in caplog.text
    assert "geheim" not in caplog.text
    assert (home.root / "data/champion.json").is_dir()
