from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from selfscore.handoff.replay import (
    ReplayError,
    changed_inputs,
    part_of,
    run_config,
    write_config,
)
from selfscore.provenance.admission import admit


def admitted(tiny, manifest, **given):
    return admit(manifest, lambda _, values: tiny.opened(**values), tiny.root / "conf", given=given)


def config_of(tiny, **chosen):
    found = admitted(tiny, tiny.manifests()[0])
    return run_config(part_of(found.manifest, **chosen), None, found.parameters)


def test_the_part_is_written_as_kedro_reads_it(tiny, tmp_path):
    run_id = tiny.run()
    config = config_of(tiny, namespaces=["iteration_1"])
    write_config(config, run_id, tmp_path / "replay.yml")
    written = yaml.safe_load((tmp_path / "replay.yml").read_text())
    assert written == config
    assert written["run"]["node_names"] == "iteration_1.train,iteration_1.merge,iteration_1.measure"
    assert written["run"]["load_versions"] == f"policy_0:{run_id}"
    assert "env" not in written["run"]
    # Which base model there is, says the configuration.
    assert written["run"]["params"] == {
        "seed": 3,
        "iteration_1": {
            "dpo_training": {"lr": 0.1},
            "merging": {"rank": 2},
            "evaluation": {"confidence": 0.9},
        },
    }


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ({}, {"fit_scale", "describe", "train", "merge", "measure"}),
        ({"tags": ["merging", "evaluation"]}, {"merge", "measure"}),
        ({"nodes": ["describe"]}, {"describe"}),
        ({"namespaces": ["iteration_1"], "tags": ["merging"]}, {"merge"}),
    ],
)
def test_any_part_can_be_chosen(tiny, chosen, names):
    tiny.run()
    part = part_of(tiny.manifests()[0], **chosen)
    assert {node.name.rpartition(".")[2] for node in part.nodes} == names


def test_what_did_not_finish_cannot_be_replayed(tiny):
    tiny.run()
    [manifest] = tiny.manifests()
    with pytest.raises(ReplayError, match="did not finish 'fit_scales'"):
        part_of(manifest, nodes=["fit_scales"])
    with pytest.raises(ReplayError, match="did not finish such a node"):
        part_of(manifest, namespaces=["iteration"])
    waiting = [replace(node, status="interrupted") for node in manifest.nodes]
    with pytest.raises(ReplayError):
        part_of(replace(manifest, nodes=waiting))


def test_a_secret_parameter_is_left_to_the_configuration(tiny):
    tiny.run(iteration_1={"merging": {"rank": 2, "api_key": "very-secret-indeed"}})
    assert config_of(tiny)["run"]["params"]["iteration_1"]["merging"] == {"rank": 2}


def test_inputs_that_are_not_what_they_were_are_named(tiny, only):
    first = tiny.run()
    part = part_of(tiny.manifests()[0], nodes=["fit_scale", "iteration_1.merge"])
    assert changed_inputs(tiny.opened(), part) == []
    (tiny.root / "data/numbers.json").write_text('{"scores": []}')
    (tiny.root / "models/base/config.json").write_text('{"other": 1}')
    import shutil

    shutil.rmtree(tiny.root / "data/policy_0")
    assert changed_inputs(tiny.opened(), part) == [
        "'numbers' is not what it was",
        f"'policy_0' version {first} is not there",
        "the files of the base model 'models/base' are not what they were",
    ]


def test_a_newer_version_does_not_matter(tiny):
    tiny.run()
    tiny.run(seed=8)
    part = part_of(tiny.manifests()[1], tags=["merging"])
    assert changed_inputs(tiny.opened(), part) == []
