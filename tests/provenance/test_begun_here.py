from pathlib import Path

from selfscore.provenance.begun_here import FOLDER, keep, recall, run_ids

GIVEN = {"images": {"folder": "/mine"}, "scoring": {"images": "/new", "explain": False}, "seed": 3}


def test_places_alone_are_kept_and_each_run_has_its_own(tmp_path: Path) -> None:
    keep(tmp_path, "2026-01-01", GIVEN)
    keep(tmp_path, "2026-01-02", {"images": {"folder": "/other"}})
    keep(tmp_path, "2026-01-03", {"seed": 3})
    keep(tmp_path, "2026-01-04", None)
    assert recall(tmp_path, "2026-01-01") == {
        "images": {"folder": "/mine"},
        "scoring": {"images": "/new"},
    }
    assert recall(tmp_path, "2026-01-02") == {"images": {"folder": "/other"}}
    assert recall(tmp_path, "2026-01-03") == recall(tmp_path, "2026-01-04") == {}
    assert recall(None, "2026-01-01") == {}
    assert run_ids(tmp_path) == {f"2026-01-0{day}" for day in (1, 2, 3, 4)}
    assert run_ids(None) == run_ids(tmp_path / "elsewhere") == set()


def test_old_runs_are_forgotten(tmp_path: Path) -> None:
    for number in range(53):
        keep(tmp_path, f"2026-{number:03}", GIVEN)
    assert len(list((tmp_path / FOLDER).iterdir())) == 50
    assert recall(tmp_path, "2026-002") == {} != recall(tmp_path, "2026-003")
