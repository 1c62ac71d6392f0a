from __future__ import annotations

import json
from dataclasses import replace

import pytest

from selfscore.provenance.manifest import (
    ManifestError,
    canonical,
    from_record,
    parameter,
    to_record,
)


def test_a_manifest_survives_json(tiny):
    tiny.run()
    [manifest] = tiny.manifests()
    assert from_record(json.loads(json.dumps(to_record(manifest)))) == manifest


def test_what_is_no_manifest_is_refused_by_name(tiny):
    tiny.run()
    [manifest] = tiny.manifests()
    with pytest.raises(ManifestError, match="format 1 to 2"):
        from_record({"format": 99})
    with pytest.raises(ManifestError, match="format 1 to 2"):
        from_record([])
    record = to_record(replace(manifest, status="finished"))
    record["nodes"][0]["status"] = "asleep"
    with pytest.raises(ManifestError, match=r"nodes\.0\.status"):
        from_record(record)


def test_a_parameter_is_found_by_its_path():
    values = {"a": {"b": 1}}
    assert parameter(values, "params:a.b") == 1
    assert parameter(values, "params:a") == {"b": 1}
    assert parameter(values, "parameters") == values
    with pytest.raises(KeyError, match=r"'a\.c'"):
        parameter(values, "params:a.c")


def test_the_order_of_keys_does_not_count():
    assert canonical({"a": 1, "b": [1, {"c": 2, "d": 3}]}) == canonical(
        {"b": [1, {"d": 3, "c": 2}], "a": 1}
    )
