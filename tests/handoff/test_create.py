from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from selfscore.handoff.archive import unpack
from selfscore.handoff.bundle import BundleError, opened, read_index, write_index
from selfscore.handoff.create import HandoffError, create
from selfscore.handoff.verify import verify
from selfscore.scoring.policies import read_policy


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def handed(tiny):
    """A handed-on round, as a folder."""
    tiny.run()
    folder = tiny.root / "out"
    create(tiny.opened(), tiny.manifests(), "iteration_1", folder, with_data=True)
    return folder


def failed(folder: Path) -> tuple[str, str]:
    last = verify(folder)[-1]
    assert not last.passed
    return last.what, last.detail


def test_a_policy_goes_with_its_scale_prompts_figures_card_and_manifest(tiny):
    run_id = tiny.run()
    index = create(tiny.opened(), tiny.manifests(), "policy_1", tiny.root / "out")
    assert files(tiny.root / "out") == {
        "handoff.json",
        "score_scale.json",
        "prompts.json",
        "policy/policy.json",
        "policy/adapter_config.json",
        "policy/adapter_model.safetensors",
        "policy/_complete.json",
        "policy/README.md",
        f"manifests/{run_id}.json",
        "artifacts/iteration_1/figures.parquet",
    }
    assert index.policy["digest"] == tiny.opened().catalog.load("policy_1").digest
    assert all(check.passed for check in verify(tiny.root / "out"))


def test_a_round_goes_with_its_experts_and_on_demand_with_the_tables(handed):
    assert "artifacts/iteration_1/scoring_adapter/adapter_model.safetensors" in files(handed)
    assert "artifacts/score_scale.json" in files(handed)
    assert not any("policy_0" in name for name in files(handed))
    assert [check.passed for check in verify(handed)] == [True] * 6


def test_the_policy_in_it_is_used_as_it_is(handed, tiny):
    found = read_policy(handed / "policy")
    assert found.policy.digest == tiny.opened().catalog.load("policy_1").digest


def test_the_base_model_alone_can_be_handed_on(tiny):
    tiny.run()
    create(tiny.opened(), tiny.manifests(), "policy_0", tiny.root / "out.tgz")
    with opened(tiny.root / "out.tgz") as folder:
        assert all(check.passed for check in verify(folder))
        assert "The base model `models/base` alone" in (folder / "policy/README.md").read_text()


@pytest.mark.parametrize("name", ["out.tar.gz", "out.tgz"])
def test_an_archive_verifies_in_an_empty_place_and_is_always_the_same(tiny, name, tmp_path):
    tiny.run()
    first, again = tmp_path / name, tmp_path / f"again-{name}"
    for path in (first, again):
        create(tiny.opened(), tiny.manifests(), "policy_1", path)
    assert first.read_bytes() == again.read_bytes()
    with opened(first) as folder:
        assert not folder.is_relative_to(tiny.root)
        assert all(check.passed for check in verify(folder))


def test_the_champion_is_what_goes_by_default_else_the_last_policy(tiny):
    tiny.run()
    project, manifests = tiny.opened(), tiny.manifests()
    assert create(project, manifests, None, tiny.root / "one").name == "policy_1"
    digest = manifests[0].artifacts["policy_0"].digest
    project.catalog.save("champion", {"policy": "policy_0", "digest": digest})
    assert create(project, manifests, None, tiny.root / "two").name == "policy_0"


def test_an_older_version_goes_with_its_own_kin(tiny):
    old = tiny.run()
    tiny.run(seed=9)
    index = create(tiny.opened(), tiny.manifests(), "iteration_1", tiny.root / "out", version=old)
    assert index.policy["version"] == old
    assert files(tiny.root / "out") >= {f"manifests/{old}.json"}
    assert len(list((tiny.root / "out/manifests").iterdir())) == 1
    assert all(check.passed for check in verify(tiny.root / "out"))


def test_what_has_no_place_in_the_catalog_any_more_stays_behind(tiny):
    tiny.run()
    [made] = tiny.manifests()
    figures = made.artifacts["iteration_1.figures"]
    artifacts = {name: one for name, one in made.artifacts.items() if one is not figures}
    earlier = replace(
        made,
        artifacts=artifacts | {"iteration_1.metrics": replace(figures, name="iteration_1.metrics")},
        nodes=[
            replace(node, outputs=["iteration_1.metrics"]) if node.name == "measure" else node
            for node in made.nodes
        ],
    )
    index = create(tiny.opened(), [earlier], "iteration_1", tiny.root / "out", with_data=True)
    assert "iteration_1.scoring_adapter" in index.artifacts
    assert "iteration_1.metrics" not in index.artifacts
    assert all(check.passed for check in verify(tiny.root / "out"))


def test_figures_of_another_version_do_not_go_along(tiny, only):
    tiny.run()
    tiny.run(only("iteration_1.train", "iteration_1.merge"), seed=9)
    create(tiny.opened(), tiny.manifests(), "policy_1", tiny.root / "out")
    assert not any("metrics" in name for name in files(tiny.root / "out"))
    assert "was not evaluated" in (tiny.root / "out/policy/README.md").read_text()


def test_figures_made_in_a_later_run_go_along_with_its_manifest(tiny, whole, only):
    first = tiny.run(whole.filter(to_outputs=["policy_1"]))
    second = tiny.run(only("iteration_1.measure"))
    create(tiny.opened(), tiny.manifests(), "policy_1", tiny.root / "out")
    found = files(tiny.root / "out")
    assert {f"manifests/{first}.json", f"manifests/{second}.json"} <= found
    assert "artifacts/iteration_1/figures.parquet" in found


def test_the_card_says_what_it_is_and_how_good_with_intervals(handed):
    card = (handed / "policy/README.md").read_text()
    assert "base_model: models/base" in card
    assert "3 levels, written 0 to 2" in card
    assert "stars" in card
    assert "| dpo_training.lr | `0.1` |" in card
    assert "90% bootstrap intervals" in card
    assert "| test | srcc | 0.500 [0.410, 0.600] |" in card
    assert "## Limits" in card


def test_what_was_changed_since_is_not_handed_on(tiny):
    tiny.run()
    (tiny.root / "data/03_primary/score_scale.json").write_text("{}")
    project, manifests = tiny.opened(), tiny.manifests()
    with pytest.raises(HandoffError, match="'score_scale' in '.*' is no longer what it was"):
        create(project, manifests, "iteration_1", tiny.root / "out", with_data=True)
    assert not (tiny.root / "out").exists()
    # The policy carries its own scale.
    create(project, manifests, "policy_1", tiny.root / "out")


@pytest.mark.parametrize(
    ("name", "said"),
    [("policy_7", "There is no 'policy_7' yet"), ("metrics", "cannot be handed on")],
)
def test_what_is_not_there_is_said(tiny, name, said):
    tiny.run()
    with pytest.raises(HandoffError, match=said):
        create(tiny.opened(), tiny.manifests(), name, tiny.root / "out")


def test_a_policy_without_a_manifest_cannot_be_handed_on(tiny):
    tiny.run()
    with pytest.raises(HandoffError, match="No manifest says how version"):
        create(tiny.opened(), [], "policy_1", tiny.root / "out")


def test_nothing_is_written_over(handed, tiny):
    with pytest.raises(HandoffError, match="is there already"):
        create(tiny.opened(), tiny.manifests(), "policy_1", handed)


@pytest.mark.parametrize(
    "name",
    ["policy/policy.json", "artifacts/iteration_1/figures.parquet", "policy/README.md"],
)
def test_a_flipped_bit_is_found_and_named(handed, name):
    content = bytearray((handed / name).read_bytes())
    content[len(content) // 2] ^= 1
    (handed / name).write_bytes(content)
    assert failed(handed) == ("files", f"'{name}' is not the file that was packed")


def test_a_missing_and_an_extra_file_are_found(handed):
    (handed / "prompts.json").rename(handed / "prompt.json")
    assert failed(handed) == ("files", "'prompt.json' is not in the list of files")
    (handed / "prompt.json").unlink()
    assert failed(handed) == ("files", "'prompts.json' is missing")


def test_a_link_is_refused(handed):
    (handed / "prompts.json").unlink()
    (handed / "prompts.json").symlink_to("/etc/hostname")
    assert failed(handed) == ("files", "'prompts.json' is a link")


class Planted:
    """Says so if it is ever unpickled."""

    def __reduce__(self):
        return (Path.touch, (Path(__file__).with_name("unpickled"),))


@pytest.mark.parametrize("listed", [False, True])
def test_a_planted_pickle_is_refused_and_never_loaded(handed, listed):
    import hashlib
    import pickle
    from dataclasses import replace

    planted = pickle.dumps(Planted())
    (handed / "policy/adapter_model.bin").write_bytes(planted)
    if listed:
        index = read_index(handed)
        listing = {**index.files, "policy/adapter_model.bin": hashlib.sha256(planted).hexdigest()}
        write_index(replace(index, files=listing), handed)
    what, detail = failed(handed)
    assert what == "files"
    assert "adapter_model.bin" in detail
    assert not Path(__file__).with_name("unpickled").exists()


@pytest.mark.parametrize("name", ["more.safetensors", "training_args.json", ".hooks.json"])
def test_a_file_more_in_the_policy_is_refused_though_it_is_listed(handed, name):
    import hashlib

    (handed / "policy" / name).write_bytes(b"{}")
    index = read_index(handed)
    listing = {**index.files, f"policy/{name}": hashlib.sha256(b"{}").hexdigest()}
    write_index(replace(index, files=listing), handed)
    assert failed(handed) == ("manifests", f"'policy/{name}' is no file of the policy")


def test_a_pickle_in_place_of_the_weights_is_refused(handed):
    import pickle

    resigned(handed, "policy/adapter_model.safetensors", pickle.dumps(Planted()))
    what, detail = failed(handed)
    assert (what, "is not safetensors" in detail) == ("adapter", True)
    assert not Path(__file__).with_name("unpickled").exists()


def resigned(folder: Path, name: str, content: bytes) -> None:
    """Put another file in place, and let the list of files agree with it."""
    import hashlib

    (folder / name).write_bytes(content)
    index = json.loads((folder / "handoff.json").read_text())
    index["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "handoff.json").write_text(json.dumps(index))


def test_other_weights_than_the_manifests_are_found(handed, tiny):
    import torch
    from safetensors.torch import load_file, save

    weights = load_file(handed / "policy/adapter_model.safetensors")
    other = {name: tensor + 1 for name, tensor in weights.items()}
    resigned(handed, "policy/adapter_model.safetensors", save(other, {"format": "pt"}))
    assert failed(handed)[0] == "digest"
    broken = {name: tensor * torch.nan for name, tensor in weights.items()}
    resigned(handed, "policy/adapter_model.safetensors", save(broken, {"format": "pt"}))
    assert "not numbers" in failed(handed)[1]


def test_an_artifact_that_no_manifest_names_is_found(handed):
    resigned(handed, "artifacts/score_scale.json", b"{}")
    assert failed(handed) == ("manifests", "no manifest names this 'score_scale'")


def test_a_scale_that_is_not_the_policys_is_found(handed):
    resigned(handed, "score_scale.json", b"{}")
    assert failed(handed) == ("scale and prompts", "score_scale.json is not the policy's")


def test_a_manifest_of_another_run_is_found(handed):
    [file] = (handed / "manifests").iterdir()
    record = json.loads(file.read_text())
    record["artifacts"]["policy_1"]["digest"] = "0" * 64
    resigned(handed, f"manifests/{file.name}", json.dumps(record).encode())
    assert failed(handed)[1] == "the manifest names another digest of policy_1"


def test_what_is_no_handoff_is_said(tmp_path):
    with pytest.raises(BundleError, match="no readable handoff.json"):
        verify(tmp_path)
    with (
        pytest.raises(BundleError, match="neither a folder nor an archive"),
        opened(tmp_path / "none"),
    ):
        pass
    (tmp_path / "handoff.json").write_text('{"format": 1, "kind": 3}')
    with pytest.raises(BundleError, match="no valid 'kind'"):
        verify(tmp_path)


@pytest.mark.parametrize("name", ["out.zip", "out.tar", "out.tar.xz"])
def test_other_archives_are_not_written(tiny, name):
    tiny.run()
    with pytest.raises(HandoffError, match=r"written as \.tar\.gz or \.tgz"):
        create(tiny.opened(), tiny.manifests(), "policy_1", tiny.root / name)


@pytest.mark.parametrize(
    "name", ["policy/README.md", "artifacts/iteration_1/*.parquet", "manifests/*.json"]
)
def test_the_digest_of_the_handoff_covers_card_figures_and_manifests(handed, name):
    before = read_index(handed).digest
    [file] = handed.glob(name)
    resigned(handed, file.relative_to(handed).as_posix(), file.read_bytes() + b" ")
    assert read_index(handed).digest != before


@pytest.mark.parametrize("name", ["artifacts/catalog.json", "catalog.json", "conf/catalog.json"])
def test_a_catalog_beside_the_artifacts_is_refused(handed, name):
    catalog = {"policy_1": {"type": "pickle.PickleDataset", "filepath": "evil.pkl"}}
    (handed / name).parent.mkdir(exist_ok=True)
    resigned(handed, name, json.dumps(catalog).encode())
    assert failed(handed) == ("files", f"'{name}' belongs to nothing that is handed on")


@pytest.mark.parametrize("name", ["../outside.json", "/etc/hostname", "policy/../../x.json"])
def test_a_file_outside_is_never_looked_at(handed, name):
    index = read_index(handed)
    write_index(replace(index, files={**index.files, name: "0" * 64}), handed)
    assert failed(handed) == ("files", f"'{name}' is missing")


def test_links_are_refused(handed, tmp_path):
    (handed / "policy/link.json").symlink_to("/etc/hostname")
    assert failed(handed) == ("files", "'policy/link.json' is a link")
    (handed / "policy/link.json").unlink()
    (handed / "manifests/more").symlink_to("/etc")
    assert failed(handed) == ("files", "'manifests/more' is a link")
    (handed / "manifests/more").unlink()
    (handed / "handoff.json").rename(tmp_path / "elsewhere.json")
    (handed / "handoff.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(BundleError, match="no readable handoff.json"):
        verify(handed)


@pytest.mark.parametrize("name", ["policy/policy.json", "handoff.json", "manifests/*.json"])
@pytest.mark.parametrize("content", [b"[" * 100_000, b"[" * 60 + b"]" * 60, b"3", b"", b"\xff"])
def test_deep_or_damaged_json_is_one_sentence(handed, name, content):
    [file] = handed.glob(name)
    name = file.relative_to(handed).as_posix()
    if name == "handoff.json":
        file.write_bytes(content)
        with pytest.raises(BundleError):
            verify(handed)
    else:
        resigned(handed, name, content)
        assert len(failed(handed)[1]) < 300


@pytest.mark.parametrize("base", ["a name", ["a"], None, 3, {"id": ["a"]}, {}])
@pytest.mark.parametrize("where", ["policy/policy.json", "handoff.json"])
def test_a_base_model_that_is_no_mapping_is_one_sentence(handed, where, base):
    record = json.loads((handed / where).read_text())
    record["base_model"] = base
    if where == "handoff.json":
        (handed / where).write_text(json.dumps(record))
        try:
            assert failed(handed)[0] == "policy"
        except BundleError as error:
            assert "no valid 'base_model'" in str(error)
    else:
        resigned(handed, where, json.dumps(record).encode())
        assert failed(handed)[0] == "policy"


def test_tensors_with_any_names_are_one_sentence(handed):
    import torch
    from safetensors.torch import save

    resigned(handed, "policy/adapter_model.safetensors", save({"x": torch.ones(2, 2)}))
    assert failed(handed)[0] == "adapter"


def test_no_secret_goes_along(handed):
    for file in handed.rglob("*.json"):
        assert "very-secret" not in file.read_text()


def test_an_unpacked_archive_is_the_folder(handed, tiny, tmp_path):
    create(tiny.opened(), tiny.manifests(), "iteration_1", tmp_path / "a.tgz", with_data=True)
    (tmp_path / "in").mkdir()
    unpack(tmp_path / "a.tgz", tmp_path / "in")
    assert files(tmp_path / "in") == files(handed)
    shutil.rmtree(tiny.root / "data")
    assert all(check.passed for check in verify(tmp_path / "in"))


@pytest.mark.parametrize("marker", ["", "{}", '{"sha256": {"policy'])
def test_a_policy_with_a_damaged_list_of_files_is_named(tiny, marker):
    run_id = tiny.run()
    place = tiny.root / f"data/policy_1/{run_id}/policy_1"
    (place / "_complete.json").write_text(marker)
    with pytest.raises(HandoffError, match=f"'policy_1' in '{place}' is no longer what it was"):
        create(tiny.opened(), tiny.manifests(), "policy_1", tiny.root / "out")
