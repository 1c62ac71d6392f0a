"""Ways for a stranger's manifest to have this machine do something, each of them planted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from selfscore.provenance.admission import RefusedError, admit, take
from selfscore.provenance.manifest import (
    Manifest,
    ManifestError,
    from_record,
    parse_manifest,
    to_record,
)
from selfscore.provenance.run_parameters import merged


@pytest.fixture
def manifest(tiny) -> Manifest:
    tiny.run()
    (tiny.root / "conf/team").mkdir(parents=True)
    (tiny.root / "conf/base").mkdir()
    return tiny.manifests()[0]


def admitted(tiny, manifest: Manifest, **arguments: Any):
    def opens(environment: str | None, values: dict[str, Any]):
        return replace(tiny.opened(**values), environment=environment)

    return admit(manifest, opens, tiny.root / "conf", **arguments)


def with_command(manifest: Manifest, **command: Any) -> Manifest:
    return replace(manifest, command={**manifest.command, **command})


def test_an_environment_of_the_project_is_taken_by_its_name(tiny, manifest) -> None:
    named = replace(manifest, environment={**manifest.environment, "name": "team"})
    assert admitted(tiny, named).project.environment == "team"
    assert admitted(tiny, manifest).project.environment is None
    other = admitted(tiny, replace(manifest, environment={"name": "../x"}), environment="team")
    assert other.project.environment == "team"


@pytest.mark.parametrize(
    "name",
    [
        *("../x", "../policy_1/artifacts", "/etc", "team/../../x", "nowhere", "", ".", "..", 3),
        *(["team"], {"team": 1}, "team/", "${oc.env:HOME}"),
    ],
)
def test_any_other_environment_is_refused(tiny, manifest, name) -> None:
    # As a folder that is there, and holds a catalog that would be read.
    (tiny.root / "x").mkdir()
    (tiny.root / "x/catalog.yml").write_text("a: {type: pickle.PickleDataset, filepath: a.pkl}")
    planted = replace(manifest, environment={**manifest.environment, "name": name})
    with pytest.raises(RefusedError, match="none of this project's: base, team"):
        admitted(tiny, planted)


@pytest.mark.parametrize(
    "runner", ["os.system", "evil.Runner", "kedro.runner.evil.Runner", "builtins.print", 3, ["x"]]
)
def test_a_runner_that_is_none_of_kedros_is_refused(tiny, manifest, runner) -> None:
    with pytest.raises(RefusedError, match="none of Kedro's own"):
        admitted(tiny, with_command(manifest, runner=runner))


def test_a_configuration_of_its_own_is_named_by_the_user_alone(tiny, manifest) -> None:
    planted = with_command(manifest, conf_source="/tmp/conf")
    with pytest.raises(RefusedError, match="give it with --conf-source"):
        admitted(tiny, planted)
    admitted(tiny, planted, conf_source=str(tiny.root / "conf"))


@pytest.mark.parametrize("names", [["os.path"], ["../x"], ["evil.pipeline"], "training", [3], [[]]])
def test_a_pipeline_that_is_not_registered_is_refused(tiny, manifest, names) -> None:
    with pytest.raises(ValueError, match="There is no pipeline|no pipelines that could"):
        admitted(tiny, with_command(manifest, pipeline_names=names))


def test_a_node_that_the_project_does_not_have_is_refused(tiny, manifest) -> None:
    [first, *rest] = manifest.nodes
    evil = replace(first, name="evil", function="os.system", modules=["os"])
    with pytest.raises(ValueError, match="had 'evil', and there is no such thing"):
        admitted(tiny, replace(manifest, nodes=[evil, *rest]))


def test_inputs_and_outputs_are_those_of_the_projects_nodes(tiny, manifest) -> None:
    [first, *rest] = manifest.nodes
    planted = replace(first, inputs=["policy_1", "params:model"], outputs=["manifest"])
    found = admitted(tiny, replace(manifest, nodes=[planted, *rest])).manifest.nodes[0]
    assert (found.inputs, found.outputs) == (["numbers"], ["score_scale"])


@pytest.mark.parametrize(
    "planted",
    [
        {"storage": {"root": "/tmp/x"}},
        {"globals": {"storage": {"root": "/tmp/x"}}},
        {"mlflow": {"server": {"mlflow_tracking_uri": "https://evil"}}},
        {"server": {"mlflow_tracking_uri": "https://evil"}},
        {"scoring": {"images": "/etc"}},
        {"images": {"max_pixels": 10}},
        {"iteration_1": {"merging": {"conf_source": "/tmp/x"}}},
        {"iteration_1": {"merging": {"rank": "${oc.env:HOME}"}}},
        {"iteration_1": {"merging": {"rank": {"_target_": "os.system"}}}},
        {"iteration_1": {"merging": {"rank": "2"}}},
        {"iteration_1": {"merging": {"rank": True}}},
        {"iteration_1": {"merging": 3}},
        {"iteration_1": None},
        {"seed": "${variable:AWS_SECRET_ACCESS_KEY}"},
        {"seed": [1]},
        {"evil": "x"},
    ],
)
def test_a_parameter_that_is_not_known_or_of_another_kind_is_refused(
    tiny, manifest, planted
) -> None:
    parameters = merged(manifest.parameters, planted)
    both = replace(with_command(manifest, runtime_params=planted), parameters=parameters)
    with pytest.raises(RefusedError, match="The manifest sets the parameter"):
        admitted(tiny, both)


def test_which_model_server_key_and_registry_says_the_configuration(monkeypatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-secret")
    openai = {"base_url": "https://api", "api_key_env": "OPENAI_API_KEY", "max_cost": 1.0}
    known = {
        "model": {"id": "base", "revision": None},
        "registry": {"model": "ours"},
        "evaluation": {"n": 3, "judging": {"judges": ["tfidf"], "openai": openai}},
        "other": {"base_url": "https://api", "n": 1},
    }
    theirs = {**openai, "base_url": "https://evil", "api_key_env": "AWS_SECRET_ACCESS_KEY"}
    taken, differing = take(
        {
            "model": {"id": "/etc/model", "revision": None},
            "registry": {"model": "production"},
            "evaluation": {"n": 4, "judging": {"judges": ["openai"], "openai": theirs}},
            "other": {"base_url": "https://evil", "n": 2},
        },
        known,
    )
    assert taken == {"evaluation": {"n": 4, "judging": {"judges": ["openai"]}}, "other": {"n": 2}}
    assert [one.split("'")[1] for one in differing] == [
        "model.id",
        "registry.model",
        "evaluation.judging.openai.base_url",
        "evaluation.judging.openai.api_key_env",
        "other.base_url",
    ]
    assert take(known, known)[1] == []
    # A class of settings makes a float of a number without a fraction.
    assert take({"openai": {"timeout": 60.0}}, {"openai": {"timeout": 60}})[1] == []
    assert take({"model": {"id": "base"}}, known)[1] == []


def test_parameters_that_are_known_are_taken_and_the_users_stand_over_them(tiny) -> None:
    tiny.run(seed=9, iteration_1={"merging": {"rank": 1}})
    [manifest] = tiny.manifests()
    (tiny.root / "conf").mkdir()
    found = admitted(tiny, manifest)
    assert found.project.parameters["seed"] == 9
    assert found.project.parameters["iteration_1"]["merging"] == {"rank": 1}
    given = admitted(tiny, manifest, given={"seed": 4, "model": {"id": "mine"}})
    assert given.project.parameters["seed"] == 4
    assert given.differing == ['\'model.id\' was "models/base" and is "mine"']


def test_each_expert_may_set_what_the_section_has() -> None:
    known = {"dpo": {"lr": 0.1, "experts": {"a": {"beta": 1}}, "beta": 2}}
    taken, _ = take({"dpo": {"experts": {"b": {"lr": 0.2}}}}, known)
    assert taken == {"dpo": {"experts": {"b": {"lr": 0.2}}}}
    with pytest.raises(RefusedError, match=r"'dpo\.experts\.b\.path'"):
        take({"dpo": {"experts": {"b": {"path": "/"}}}}, known)


@pytest.mark.parametrize("name", ["../x", "/etc", "a/b", "a\\b", "..", "", "a\0b", "..b"])
@pytest.mark.parametrize(
    "place", ["run_id", "artifact", "version", "resumes", "load_versions", "asked version"]
)
def test_a_name_that_would_lead_elsewhere_makes_it_no_manifest(manifest, place, name) -> None:
    record = json.loads(json.dumps(to_record(manifest)))
    scale = record["artifacts"]["score_scale"]
    if place == "run_id":
        record["run_id"] = name
    elif place == "artifact":
        record["artifacts"][name] = {**scale, "name": name}
    elif place == "version":
        scale["version"] = name
    elif place == "resumes":
        record["command"]["resumes"] = name
    else:
        asked = {name: "1"} if place == "load_versions" else {"policy_1": name}
        record["command"]["load_versions"] = asked
    with pytest.raises(ManifestError, match="name of a run, a dataset or a version"):
        from_record(record)


def test_an_artifact_under_the_name_of_another_makes_it_no_manifest(manifest) -> None:
    record = to_record(manifest)
    record["artifacts"]["numbers"]["name"] = "score_scale"
    with pytest.raises(ManifestError, match="name of a run"):
        from_record(record)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "[" * 60 + "]" * 60,
        '{"format": 2, "parameters": ' + '{"a":' * 80 + "1" + "}" * 81,
        "",
        "\xff",
        "3",
        "[]",
        "{}",
    ],
)
def test_json_that_is_deep_or_no_manifest_is_one_sentence(text) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(text.encode("latin-1"))


def test_a_planted_manifest_in_the_store_stops_nothing_else(tiny, manifest, caplog) -> None:
    from selfscore.provenance.store import read_manifests

    place = Path(tiny.root / "data/manifests/manifest.json/2026-03-01T00.00.00.000Z")
    place.mkdir()
    (place / "journal.jsonl").write_text('{"event": "run", "record": {"format": 2}}\n[]\n3\n')
    assert tiny.manifests() == [manifest]
    (place / "manifest.json").write_text("[" * 100_000)
    assert read_manifests(tiny.opened().catalog) == [manifest]
    assert "is passed over" in caplog.text
