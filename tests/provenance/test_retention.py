from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscore.provenance.manifest import Artifact, Manifest, ManifestError, NodeRun, to_record
from selfscore.provenance.retention import counting, removals, remove, to_remove
from selfscore.provenance.store import read_every_manifest

NAMES = st.sampled_from(["pairs", "policy_1", "metrics"])
VERSIONS = st.integers(0, 8).map(lambda day: f"2026-01-0{day + 1}T00.00.00.000Z")


def manifest(run_id: str, named: set[tuple[str, str]], status: str = "finished") -> Manifest:
    artifacts = {
        name: Artifact(name, "", "", "", 0, 0, "", version=version, node="n")
        for name, version in named
    }
    return Manifest(run_id, status, "", {}, {}, {}, {}, {}, {}, {}, [], artifacts)


MANIFESTS = st.lists(
    st.builds(manifest, VERSIONS, st.sets(st.tuples(NAMES, VERSIONS), max_size=4)), max_size=4
)
PRESENT = st.dictionaries(NAMES, st.lists(VERSIONS, unique=True))


@given(PRESENT, MANIFESTS, st.integers(1, 4))
def test_nothing_that_is_named_or_new_is_ever_removed(present, manifests, keep_last):
    going = to_remove(present, manifests, keep_last)
    named = {(one.name, one.version) for each in manifests for one in each.artifacts.values()}
    for name, versions in present.items():
        newest = sorted(versions, reverse=True)[:keep_last]
        assert not set(going[name]) & set(newest)
        assert not {(name, version) for version in going[name]} & named
        # And everything else is.
        rest = set(versions) - set(newest) - {version for key, version in named if key == name}
        assert set(going[name]) == rest


@given(PRESENT, MANIFESTS, st.integers(1, 4))
def test_keeping_more_never_removes_more(present, manifests, keep_last):
    fewer = to_remove(present, manifests, keep_last + 1)
    more = to_remove(present, manifests, keep_last)
    assert all(set(fewer[name]) <= set(more[name]) for name in present)


@given(MANIFESTS, st.integers(1, 4), st.sets(st.text("ab", min_size=1)))
def test_the_newest_runs_always_count(manifests, keep_runs, registered):
    manifests = sorted(manifests, key=lambda one: one.run_id, reverse=True)
    kept = counting(manifests, keep_runs, registered)
    assert all(one in kept for one in manifests[:keep_runs])
    assert counting(manifests, None, registered) == manifests


def test_a_run_under_way_and_one_that_is_registered_count():
    old = manifest("2026-01-01", set())
    tracked = replace(
        old, run_id="2026-01-02", mlflow={"run_id": "r", "children": {"iteration_1": "child"}}
    )
    policy = Artifact("policy_1", "", "", "", 0, 0, "", node="n", digest="abc")
    champion = replace(old, run_id="2026-01-03", artifacts={"policy_1": policy})
    under_way = replace(old, run_id="2026-01-04", status="interrupted")
    newest = manifest("2026-02-01", set())
    kept = counting([newest, tracked, champion, under_way, old], 1, {"child", "abc"})
    assert kept == [newest, tracked, champion, under_way]


def test_a_run_and_those_that_went_on_from_it_are_one():
    old = manifest("2026-01-01", set())
    killed = manifest("2026-01-02", set(), "interrupted")
    failed = replace(manifest("2026-01-03", set(), "failed"), command={"resumes": killed.run_id})
    done = replace(manifest("2026-01-04", set()), command={"resumes": failed.run_id})
    newest = manifest("2026-02-01", set())
    runs = [newest, done, failed, killed, old]
    assert counting(runs, 1, ()) == [newest]
    assert counting(runs, 2, ()) == [newest, done, failed, killed]
    assert counting(runs[2:], 1, ()) == [failed, killed]


def test_manifests_keep_what_they_name(tiny):
    for seed in range(4):
        tiny.run(seed=seed)
    assert removals(tiny.opened(), tiny.manifests(), keep_last=1) == []


def test_runs_that_no_longer_count_are_forgotten_with_what_they_alone_name(tiny, only, whole):
    first = tiny.run(only("fit_scale", "describe"))
    rest = whole.only_nodes_with_namespaces(["iteration_1"])
    second, third, fourth = (tiny.run(rest, seed=seed) for seed in range(3))
    going = removals(tiny.opened(), tiny.manifests(), keep_last=1, keep_runs=2)
    assert {(one.name, one.version) for one in going} == {
        ("iteration_1.scoring_adapter", second),
        ("policy_1", second),
        ("iteration_1.figures", second),
        ("manifest", second),
    }
    assert all(one.size > 0 for one in going)
    for one in going:
        remove(one)
    left = {path.name for path in (tiny.root / "data/policy_1").iterdir()}
    assert left == {third, fourth}
    # The policy that they stand on is there, and so is the run that made it.
    assert (tiny.root / f"data/policy_0/{first}").is_dir()
    assert [one.run_id for one in tiny.manifests()] == [fourth, third, first]
    assert tiny.opened().catalog.load("policy_1").adapter is not None


def test_versions_without_a_manifest_go_when_they_are_old(tiny):
    runs = [tiny.run(seed=seed) for seed in range(3)]
    for file in (tiny.root / "data/manifests").rglob("manifest.json"):
        if file.is_file():
            file.unlink()
    going = removals(tiny.opened(), tiny.manifests(), keep_last=2)
    assert {one.version for one in going} == {runs[0]}
    assert {one.name for one in going} == {
        "policy_0",
        "policy_1",
        "iteration_1.scoring_adapter",
        "iteration_1.figures",
    }


def test_a_manifest_that_cannot_be_read_keeps_everything(tiny):
    runs = [tiny.run(seed=seed) for seed in range(2)]
    catalog = tiny.opened().catalog
    assert [one.run_id for one in read_every_manifest(catalog)] == runs[::-1]
    [file] = (tiny.root / "data/manifests").rglob(f"{runs[0]}/manifest.json")
    whole = file.read_text()
    for damaged in (
        whole[: len(whole) // 2],
        "",
        "[]",
        whole.replace('"format": 2', '"format": 9'),
    ):
        file.write_text(damaged)
        with pytest.raises(ManifestError, match=f"run {runs[0]} cannot be read, so it is not"):
            read_every_manifest(catalog)
        assert [one.run_id for one in tiny.manifests()] == [runs[1]]
    file.unlink()
    assert [one.run_id for one in read_every_manifest(catalog)] == [runs[1]]


@pytest.mark.parametrize(
    ("content", "damaged"),
    [
        ("", True),
        ("x", True),
        ("{start}", False),
        ("{start}\n{{cut", False),
        ("{start}\n{{cut\n{{}}", True),
        ("{start}\n[]\n", True),
    ],
)
def test_a_journal_that_lost_a_line_keeps_everything(tiny, content, damaged):
    tiny.run()
    [known] = tiny.manifests()
    folder = tiny.root / "data/manifests/manifest.json/2026-02-01T00.00.00.000Z"
    folder.mkdir()
    record = {**to_record(known), "run_id": folder.name, "status": "running"}
    start = json.dumps({"event": "run", "record": record})
    (folder / "journal.jsonl").write_text(content.format(start=start))
    catalog = tiny.opened().catalog
    if damaged:
        with pytest.raises(ManifestError, match=f"run {folder.name} cannot be read"):
            read_every_manifest(catalog)
    else:
        assert read_every_manifest(catalog)[0].status == "interrupted"


def test_what_an_unfinished_run_asked_for_and_will_read_stays(tiny):
    present = {
        "policy_0": [f"2026-01-0{day}" for day in range(1, 7)],
        "pairs": [f"2026-01-0{day}" for day in range(1, 7)],
    }
    node = NodeRun("n", None, [], "f", [], ["policy_0", "pairs", "params:a"], ["policy_1"])
    run = manifest("2026-01-04", set(), "interrupted")
    asked = replace(run, nodes=[node], command={"load_versions": {"policy_0": "2026-01-02"}})
    going = to_remove(present, [asked], 1)
    assert going["policy_0"] == ["2026-01-05", "2026-01-03", "2026-01-01"]
    assert going["pairs"] == ["2026-01-05", "2026-01-03", "2026-01-02", "2026-01-01"]
    # Of a run that finished, only what it read and wrote.
    done = replace(asked, status="finished", nodes=[replace(node, status="finished")])
    assert len(to_remove(present, [done], 1)["policy_0"]) == 5
