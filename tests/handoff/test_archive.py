from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscore.handoff import archive
from selfscore.handoff.archive import UnsafeArchiveError, pack, unpack

KINDS = ["a.tar.gz", "a.tgz"]


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
        (of_kind(tarfile.DIRTYPE, "../folder"), "outside"),
        (of_kind(tarfile.GNUTYPE_SPARSE), "'bad' is something special"),
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
    assert {path.name for path in target.iterdir()} <= {"good.json"}
    assert {path.name for path in tmp_path.iterdir()} == {"bad.tar.gz", "target"}


@pytest.mark.parametrize("name", KINDS)
def test_too_much_is_refused_before_it_is_written(tmp_path, monkeypatch, name):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "zeros").write_bytes(bytes(10_000))
    pack(tmp_path / "source", tmp_path / name)
    monkeypatch.setattr(archive, "MOST_BYTES", 9_999)
    (tmp_path / "target").mkdir()
    with pytest.raises(UnsafeArchiveError, match="more than"):
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


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    (tmp_path / "source").mkdir()
    for number in range(4):
        (tmp_path / "source" / str(number)).touch()
    pack(tmp_path / "source", tmp_path / "a.tgz")
    monkeypatch.setattr(archive, "MOST_FILES", 3)
    (tmp_path / "target").mkdir()
    with pytest.raises(UnsafeArchiveError, match="more than 3 files"):
        unpack(tmp_path / "a.tgz", tmp_path / "target")


@pytest.mark.parametrize("odd", ["zip", "xz", "bz2", "plain", "noise in gzip", "damaged"])
def test_odd_compression_is_one_sentence(tmp_path, odd):
    import bz2
    import gzip
    import lzma
    import random
    import zipfile

    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").write_bytes(random.Random(0).randbytes(5_000))
    pack(tmp_path / "source", tmp_path / "good.tgz")
    whole = (tmp_path / "good.tgz").read_bytes()
    tar, path = gzip.decompress(whole), tmp_path / "odd.tgz"
    if odd == "zip":
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("file", "x")
    else:
        damaged = bytearray(whole)
        for place in range(100, 3_000):
            damaged[place] ^= 0x5A
        path.write_bytes(
            {
                "xz": lzma.compress(tar),
                "bz2": bz2.compress(tar),
                "plain": tar,
                "noise in gzip": gzip.compress(random.Random(1).randbytes(5_000)),
                "damaged": bytes(damaged),
            }[odd]
        )
    (tmp_path / "target").mkdir()
    with pytest.raises(ValueError, match="'.*odd.tgz' is not a whole archive"):
        unpack(path, tmp_path / "target")
