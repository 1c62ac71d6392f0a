"""Archives of strangers that are none, or would write where they should not."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.hostile.inputs import REFUSED, Input
from benchmarks.hostile.strangers import ARCHIVE, TRAP, Change, Trap, given

Prepare = Callable[[tarfile.TarInfo], object]


def _write(content: bytes, file: str = "packed.tar.gz") -> Change:
    def change(folder: Path) -> None:
        (folder / file).write_bytes(content)

    return change


def _with_member(name: str, prepare: Prepare = lambda member: None) -> bytes:
    """An archive with a list of files, and one file more of this name."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for place, content in (("handoff.json", b"{}"), (name, b"trap")):
            member = tarfile.TarInfo(place)
            member.size = len(content)
            if place == name:
                prepare(member)
            tar.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return stream.getvalue()


def _of_type(code: bytes, target: str = "") -> Prepare:
    def prepare(member: tarfile.TarInfo) -> None:
        member.type, member.linkname, member.size = code, target, 0

    return prepare


def _announcing(size: int) -> bytes:
    """An archive whose one file is said to be of this size, and is not there."""
    member = tarfile.TarInfo("policy/x.json")
    member.size = size
    return gzip.compress(member.tobuf() + bytes(1024))


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("handoff.json", "{}")
    return stream.getvalue()


def members() -> Iterator[Input]:
    """Archives with one member that no handoff has."""
    inside = "policy/x.json"
    for name, content in {
        "a name above": _with_member("../trap"),
        "a name of the root": _with_member(TRAP),
        "a name with a drive": _with_member("C:\\trap"),
        "a name with backslashes": _with_member("..\\..\\trap"),
        "a name that goes up in its middle": _with_member("policy/../../trap"),
        "a link": _with_member(inside, _of_type(tarfile.SYMTYPE, "/etc/passwd")),
        "a hard link": _with_member(inside, _of_type(tarfile.LNKTYPE, "handoff.json")),
        "a device": _with_member(inside, _of_type(tarfile.CHRTYPE)),
        "a pipe": _with_member(inside, _of_type(tarfile.FIFOTYPE)),
        "a name twice": _with_member("./handoff.json"),
        "a size that is not there": _announcing(10**12),
    }.items():
        says = "archive|refused|handoff"
        yield given("strangers: archives", name, _write(content), ARCHIVE, (REFUSED,), says)


def files() -> Iterator[Input]:
    """Files that are no archive of this kind, and other kinds."""
    kind = "strangers: no archives"
    whole = _with_member("policy/x.json")
    for name, content in {
        "nothing": b"",
        "zeros": bytes(4000),
        "a text": b"hello",
        "cut off": whole[: len(whole) // 2],
        "one byte is another": whole[:60] + bytes([whole[60] ^ 255]) + whole[61:],
        "no tar within": gzip.compress(b"hello" * 999),
        "a zip": _zip(),
        "packed twice": gzip.compress(whole),
        "a pickle": pickle.dumps(Trap()),
    }.items():
        yield given(kind, name, _write(content), ARCHIVE, (REFUSED,), "archive|handoff")
    for file in ("packed.zip", "packed.tar", "packed.rar", "packed"):
        command = ("handoff", "verify", f"{{folder}}/{file}")
        says = "neither a folder nor an archive"
        yield given(kind, f"called {file}", _write(whole, file), command, (REFUSED,), says)


FAMILIES = (members, files)
