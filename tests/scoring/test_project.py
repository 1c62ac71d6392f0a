from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from kedro.framework.startup import bootstrap_project
from kedro.io import DatasetError

from selfscore.datasets.directory import MARKER
from selfscore.datasets.policy import PolicyDataset
from selfscore.provenance.champion import ChampionError
from selfscore.provenance.manifest import Artifact, Manifest, to_record
from selfscore.provenance.project import open_project
from selfscore.scoring.project import find_policy, load_options
from selfscore.vlm.options import LoadOptions

VERSION = "2026-01-01T10.00.00.000Z"


@pytest.fixture
def home(project: Path, trial_conf: Path, write_policy: Callable[..., Path]) -> Path:
    """A project with two rounds by its configuration, of which one has been run."""
    bootstrap_project(project)
    root = trial_conf.parent
    for number in (0, 1):
        name = f"policy_{number}"
        write_policy(root / "data/06_models" / name / VERSION / name, seed=number)
    return root


def test_the_policy_of_the_last_round_scores(home: Path, write_policy: Callable[..., Path]) -> None:
    assert find_policy(open_project(home), None).name == "policy_1"
    write_policy(home / f"data/06_models/policy_2/{VERSION}/policy_2")
    assert find_policy(open_project(home), None).name == "policy_2"


def test_a_policy_is_named_by_its_dataset_or_its_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = PolicyDataset(
        filepath=str(home / f"data/06_models/policy_0/{VERSION}/policy_0")
    ).load()
    assert find_policy(open_project(home), "policy_0").policy.digest == expected.digest
    monkeypatch.chdir(home / "data")  # a folder counts from where the user is
    assert find_policy(open_project(home), "06_models/policy_0").policy.digest == expected.digest


def test_each_environment_has_its_own_policies(
    home: Path, write_policy: Callable[..., Path]
) -> None:
    with pytest.raises(FileNotFoundError, match="There is none yet"):
        find_policy(open_project(home, "test"), None)
    write_policy(home / f"data/test/06_models/policy_0/{VERSION}/policy_0", seed=7)
    found = find_policy(open_project(home, "test"), None)
    assert found.name == "policy_0"
    assert found.policy.digest != find_policy(open_project(home), "policy_0").policy.digest


def test_a_recorded_champion_goes_first(home: Path, write_policy: Callable[..., Path]) -> None:
    with (home / "conf/local/catalog.yml").open("w") as stream:
        stream.write(
            f"champion:\n  type: json.JSONDataset\n  filepath: {home}/data/champion.json\n"
        )
    assert find_policy(open_project(home), None).name == "policy_1", "none is recorded yet"
    digest = find_policy(open_project(home), "policy_0").policy.digest
    record = home / "data/champion.json"
    record.write_text(json.dumps({"policy": "policy_0", "digest": digest}))
    assert find_policy(open_project(home), None).name == "policy_0"
    assert find_policy(open_project(home), "policy_1").name == "policy_1"
    # A later policy of that name is another one.
    write_policy(home / "data/06_models/policy_0/2026-01-02T10.00.00.000Z/policy_0", seed=5)
    assert find_policy(open_project(home), None).policy.digest == digest
    assert find_policy(open_project(home), "policy_0").policy.digest != digest
    record.write_text(json.dumps({"policy": "policy_0", "digest": "that of another run"}))
    with pytest.raises(ChampionError, match="no version of policy_0 has it any more"):
        find_policy(open_project(home), None)
    for damaged in ("[]", "{}", "null", '{"policy": 1}'):
        record.write_text(damaged)
        with pytest.raises((ChampionError, DatasetError), match="champion"):
            find_policy(open_project(home), None)


def test_a_policy_whose_newest_version_lost_its_marker_is_named(
    home: Path, write_policy: Callable[..., Path]
) -> None:
    newest = home / "data/06_models/policy_1/2026-01-02T10.00.00.000Z/policy_1"
    (write_policy(newest, seed=5) / MARKER).unlink()
    with pytest.raises(DatasetError, match=f"'{newest}', lost its {MARKER}"):
        find_policy(open_project(home), str(home / "data/06_models/policy_1"))


def test_a_policy_of_the_project_is_held_against_its_manifest(
    home: Path, write_policy: Callable[..., Path]
) -> None:
    folder = home / f"data/06_models/policy_1/{VERSION}/policy_1"
    project = open_project(home)
    made = Artifact("policy_1", "", str(folder), "another", 0, 0, "", VERSION, "merge")
    record = to_record(Manifest(VERSION, "finished", "", {}, {}, {}, {}, {}, {}, {}, []))
    record["artifacts"] = {"policy_1": asdict(made)}
    file = home / f"data/08_reporting/manifests/manifest.json/{VERSION}/manifest.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(record))
    for named in ("policy_1", str(folder), str(folder.parents[1])):
        with pytest.raises(DatasetError, match="'policy_1' in '.*' is not what the run"):
            find_policy(project, named)


@pytest.mark.parametrize("named", ["policy_7", "scored_images", "no/such/folder", "none of this"])
def test_what_is_no_policy_is_named_with_those_there_are(home: Path, named: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"policy_1, policy_0\..*--policy") as caught:
        find_policy(open_project(home), named)
    assert f"'{named}'" in str(caught.value)


def test_policies_are_loaded_as_the_environment_says(home: Path) -> None:
    assert load_options(open_project(home)) == LoadOptions()
    (home / "conf/local/parameters.yml").write_text("machine: {loading: {attention: eager}}\n")
    assert load_options(open_project(home)) == LoadOptions(attention="eager")


def test_looking_for_a_policy_leaves_no_trace(home: Path) -> None:
    before = sorted(home.rglob("*"))
    find_policy(open_project(home), None)
    assert sorted(home.rglob("*")) == before
