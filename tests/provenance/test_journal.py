from __future__ import annotations

import json
from dataclasses import asdict

import fsspec
import pytest

from selfscore.provenance.journal import Journal, fold
from selfscore.provenance.manifest import Artifact, to_record
from selfscore.provenance.places import Place


@pytest.fixture
def lines(tiny):
    """A journal of a run of one node."""
    tiny.run()
    [manifest] = tiny.manifests()
    start = {**to_record(manifest), "status": "running", "artifacts": {}, "ended": None}
    start["nodes"] = [{**node, "status": "waiting", "seconds": None} for node in start["nodes"]]
    artifact = Artifact("score_scale", "k", "p", "0" * 64, 1, 1, "s", node="fit_scale")
    events = [
        ("run", start),
        ("node", {"name": "fit_scale", "status": "running"}),
        ("node", {"name": "fit_scale", "seconds": 1.5}),
        ("artifact", asdict(artifact)),
        ("node", {"name": "fit_scale", "status": "finished"}),
        ("end", {"status": "finished", "ended": "now"}),
    ]
    return [json.dumps({"event": event, "record": record}) for event, record in events]


def test_all_lines_make_the_whole_manifest(lines):
    manifest = fold(lines)
    assert manifest.status == "finished"
    assert manifest.nodes[0].status == "finished"
    assert manifest.nodes[0].seconds == 1.5
    assert manifest.made["score_scale"].node == "fit_scale"


def test_a_run_that_stops_anywhere_leaves_what_it_had(lines):
    text = "\n".join(lines)
    for cut in range(len(lines[0]), len(text), 37):
        manifest = fold(text[:cut].splitlines())
        assert manifest.status == "interrupted"
        assert manifest.nodes[0].status in ("waiting", "interrupted", "finished")
    assert fold([lines[0][:50]]) is None
    assert fold([]) is None


def test_reading_does_not_take_the_writer_away(lines):
    read = json.loads(lines[3])
    read["record"]["node"] = None
    manifest = fold([*lines[:5], json.dumps(read), lines[5]])
    assert manifest.made["score_scale"].node == "fit_scale"


def test_a_journal_is_kept_where_nothing_is_a_disk(lines):
    place = Place(fsspec.filesystem("memory"), "/journals/one/journal.jsonl")
    journal = Journal(place)
    journal.begin(fold(lines[:1]))
    journal.node("fit_scale", status="running")
    assert journal.read().nodes[0].status == "interrupted"
    journal.end(status="finished")
    assert journal.read().status == "finished"
    journal.remove()
    assert not place.file_system.exists(place.path)
