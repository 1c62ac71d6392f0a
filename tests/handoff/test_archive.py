from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscore.handoff import archive
from selfscore.handoff.archive import UnsafeArchiveError, pack, unpack

KINDS = ["a.tar.gz", "a.tgz", "a.zip"]


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", KINDS)
def test_what_is_packed_comes_out_and_always_the_same(tmp_path, name):
    @settings(max_examples=15, deadline=None)
    @given(st.dictionaries(st.text("xyz", min_size=1, max_size=3), st.binary(max_size=99)))
    def holds(files):
        import tempfile

        with tempfile.TemporaryDirectory() as place:
            source, target = Path(place) / "source", Path(place) / "target"
            source.mkdir()
            target.mkdir()
            for key, value in files.items():
                (source / f"in {key}").mkdir()
                (source / f"in {key}" / key).write_bytes(value)
            pack(source, Path(place) / name)
            unpack(Path(place) / name, target)
            assert content(target) == content(source)
            first = (Path(place) / name).read_bytes()
            for file in source.rglob("*"):
                file.touch()
                file.chmod(0o700)
            pack(source, Path(place) / f"again-{name}")
            assert (Path(place) / f"again-{name}").read_bytes() == first

    holds()


def tar_with(path: Path, member: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        good = tarfile.TarInfo("good.json")
        good.size = 2
        tar.addfile(good, io.BytesIO(b"{}"))
        member.size = 0 if not member.isreg() else 4
        tar.addfile(member, io.BytesIO(b"evil") if member.isreg() else None)
    return path


def of_kind(kind: bytes, name: str = "bad", target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (of_kind(tarfile.REGTYPE, "../outside"), "'../outside' would be written outside"),
        (of_kind(tarfile.REGTYPE, "a/../../outside"), "would be written outside"),
        (of_kind(tarfile.REGTYPE, "/tmp/outside"), "'/tmp/outside' would be written outside"),
        (of_kind(tarfile.REGTYPE, "a\\..\\outside"), "would be written outside"),
        (of_kind(tarfile.REGTYPE, "C:outside"), "would be written outside"),
        (of_kind(tarfile.DIRTYPE, "../folder"), "is something special|outside"),
        (of_kind(tarfile.SYMTYPE, target="/etc"), "'bad' is a link to '/etc'"),
        (of_kind(tarfile.LNKTYPE, target="good.json"), "'bad' is a link to 'good.json'"),
        (of_kind(tarfile.CHRTYPE), "'bad' is a device"),
        (of_kind(tarfile.FIFOTYPE), "'bad' is a device"),
        (of_kind(tarfile.REGTYPE, "good.json"), "'good.json' is in it twice"),
    ],
)
def test_a_tar_that_would_reach_outside_is_refused_by_name(tmp_path, member, said):
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(UnsafeArchiveError, match=said):
        unpack(tar_with(tmp_path / "bad.tar.gz", member), target)
    assert list(target.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"bad.tar.gz", "target"}


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("../outside", stat.S_IFREG, "outside"),
        ("/outside", stat.S_IFREG, "outside"),
        ("..", stat.S_IFREG, "outside"),
        ("link", stat.S_IFLNK, "'link' is a link or device"),
        ("device", stat.S_IFCHR, "'device' is a link or device"),
        ("good.json", stat.S_IFREG, "twice"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_that_would_reach_outside_is_refused_by_name(tmp_path, name, kind, said):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as packed:
        packed.writestr("good.json", "{}")
        member = zipfile.ZipInfo(name)
        member.external_attr = (kind | 0o644) << 16
        packed.writestr(member, "/etc/passwd")
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(UnsafeArchiveError, match=said):
        unpack(tmp_path / "bad.zip", target)
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("name", KINDS)
def test_too_much_is_refused_before_it_is_written(tmp_path, monkeypatch, name):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "zeros").write_bytes(bytes(10_000))
    pack(tmp_path / "source", tmp_path / name)
    monkeypatch.setattr(archive, "MOST_BYTES", 9_999)
    (tmp_path / "target").mkdir()
    with pytest.raises(UnsafeArchiveError, match="1 files"):
        unpack(tmp_path / name, tmp_path / "target")
    assert list((tmp_path / "target").iterdir()) == []


@pytest.mark.parametrize("name", KINDS)
def test_what_is_cut_off_is_no_archive(tmp_path, name):
    import random

    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").write_bytes(random.Random(0).randbytes(50_000))
    pack(tmp_path / "source", tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    (tmp_path / "target").mkdir()
    with pytest.raises(ValueError, match="is not a whole archive"):
        unpack(tmp_path / name, tmp_path / "target")
