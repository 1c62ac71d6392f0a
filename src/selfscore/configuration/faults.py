"""What is wrong with the files of a configuration, in words that name the file and the place.

Knows YAML, OmegaConf and how files are laid over each other; knows no parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError


def fault_in(files: Sequence[Path], error: Exception, secret: bool = False) -> str | None:
    """What is wrong, without a full stop; None where the files do not tell.

    Args:
        files: of one kind, those first that others are laid over.
        error: that came of reading them as one.
        secret: nothing that stands in them may be shown.
    """
    contents: dict[Path, Any] = {}
    for file in files:
        try:
            content = OmegaConf.load(file)
        except (YAMLError, UnicodeDecodeError) as fault:
            return f"'{_shown(file)}' cannot be read: {_problem(fault, secret)}"
        except OmegaConfBaseException as fault:
            return _of_value(file, fault, secret)
        except OSError:
            # OmegaConf's word for a file that holds a number alone.
            content = None
        if not isinstance(content, DictConfig):
            return f"'{_shown(file)}' must hold names with values, and holds something else"
        contents[file] = OmegaConf.to_container(content, resolve=False)
    if isinstance(error, OmegaConfBaseException) and error.full_key:
        having = [file for file, content in contents.items() if _has(content, error.full_key)]
        return _of_value(having[-1], error, secret) if having else None
    return next(_no_sections(contents), None)


def _problem(fault: YAMLError | UnicodeDecodeError, secret: bool) -> str:
    if not isinstance(fault, MarkedYAMLError):
        return "it is no text" if secret else str(fault).partition("\n")[0]
    told = ", ".join(part for part in (fault.context, fault.problem) if part).rstrip(".")
    told = "it is no YAML" if secret else told
    return told if fault.problem_mark is None else f"{told} (line {fault.problem_mark.line + 1})"


def _of_value(file: Path, fault: OmegaConfBaseException, secret: bool) -> str:
    """What one value refers to cannot be read, is not there, or is itself."""
    told = "it cannot be resolved" if secret else str(fault.msg or fault).partition("\n")[0]
    return f"{fault.full_key} in '{_shown(file)}' is wrong: {told.rstrip('.')}"


def _has(content: Any, path: str) -> bool:
    for name in path.split("."):
        if not isinstance(content, Mapping) or name not in content:
            return False
        content = content[name]
    return True


def _no_sections(contents: Mapping[Path, Any]) -> Iterator[str]:
    """Sections of one file that are none in another which is laid over it."""
    below: dict[str, Any] = {}
    for file, content in contents.items():
        for path, value in _clashes(below, content):
            what = "a list" if isinstance(value, list) else "a single value"
            yield f"{path} must be a section, not {what}, in '{_shown(file)}'"
        below |= content


def _clashes(below: Mapping[str, Any], above: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in above.keys() & below.keys():
        one, other = below[name], above[name]
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from ((f"{name}.{path}", value) for path, value in _clashes(one, other))
        elif isinstance(one, Mapping):
            yield name, other


def _shown(file: Path) -> Path:
    here = Path.cwd()
    return file.relative_to(here) if file.is_relative_to(here) else file
