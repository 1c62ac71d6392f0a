"""The next run begins by removing what a killed one left."""

from __future__ import annotations


def test_the_next_run_removes_what_a_killed_one_left(tiny, caplog) -> None:
    caplog.set_level("INFO")
    tiny.run()
    data = tiny.root / "data"
    before = set(data.rglob("*"))
    # As of a process that was killed while it saved a policy and a table.
    half = data / "policy_1/2026-01-01T09.00.00.000Z/.policy_1.k3_x0a9z"
    half.mkdir(parents=True)
    (half / "policy.json").touch()
    (data / "03_primary/.score_scale.json.0123abcd.part").write_bytes(b"half")
    second = tiny.run()
    assert {path for path in data.rglob("*") if second not in path.parts} == before
    assert "Removed 2 half-written files and folders that killed runs left" in caplog.text
