from __future__ import annotations

import subprocess

from selfscore.provenance.environment import accelerators, describe_machine, git_state, packages


def git(folder, *arguments):
    name = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "-C", str(folder), *name, *arguments], check=True, capture_output=True)


def test_a_change_of_a_tracked_file_is_dirty(tmp_path):
    assert git_state(tmp_path) == {}
    git(tmp_path, "init")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "first")
    clean = git_state(tmp_path)
    assert len(clean["commit"]) == 40
    assert clean["dirty"] is False
    (tmp_path / "untracked").write_text("")
    assert git_state(tmp_path) == clean
    (tmp_path / "file").write_text("2")
    assert git_state(tmp_path) == {**clean, "dirty": True}


def test_only_chosen_variables_are_told(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("SOME_PASSWORD", "very-secret")
    found = describe_machine("test")
    assert found["name"] == "test"
    assert found["variables"]["OMP_NUM_THREADS"] == "7"
    assert "very-secret" not in str(found)


def test_packages_and_devices():
    from importlib.metadata import distributions

    assert packages() == {found.name: found.version for found in distributions()}
    assert isinstance(accelerators(), list)


def test_what_a_broken_installation_left_behind_is_no_package(tmp_path, monkeypatch):
    before = packages()
    (tmp_path / "left_behind-1.0.dist-info").mkdir()
    (tmp_path / "nameless-1.0.dist-info").mkdir()
    (tmp_path / "nameless-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert packages() == before
