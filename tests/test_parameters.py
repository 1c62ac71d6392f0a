"""No parameter without a reader: what stands in conf/base is read by name where it is handed to.

A section is read by the nodes that take it, and its parameters by name in a module that such a node
reaches: as a key (`parameters["beta"]`), a field of a class or an argument of a function. That is
less than proof, because another section's parameter may have the same name in one of these modules.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from selfscore.metrics import health
from selfscore.pipelines.iteration import rounds
from selfscore.preference_data.builders import PAIR_BUILDERS
from selfscore.provenance import code
from selfscore_demo.pipelines.demo_images.nodes import SPLITS

CONF = Path(__file__).parents[1] / "conf" / "base"
# Tables whose keys are names of something, and those there are.
TABLES = {
    "dpo_training.experts": set(PAIR_BUILDERS),
    "merging.weights": set(PAIR_BUILDERS),
    "demo_images.images": set(SPLITS),
    "evaluation.health.thresholds": set(health._FAILURES),
}
# What no node takes.
READ_BY_THE_PIPELINES = {"rounds", "experts"}
READ_BY_A_HOOK = {"registry": "selfscore.registry.hook"}


def parameters() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for file in CONF.rglob("parameters*.yml"):
        found |= yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def readers(
    project: Path,
    copy_conf: Callable[[Path], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, set[str]]]:
    """Modules by the section of the parameters that their nodes take."""
    found: dict[str, set[str]] = defaultdict(set)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        patch.setattr(rounds, "_configured", None)
        bootstrap_project(project)
        conf = copy_conf(tmp_path_factory.mktemp("parameters"))
        with KedroSession.create(
            conf_source=str(conf), runtime_params={"rounds": 1, "experts": sorted(PAIR_BUILDERS)}
        ) as session:
            session.load_context()
            nodes = {node for pipeline in dict(pipelines).values() for node in pipeline.nodes}
    for node in nodes:
        for item in node.inputs:
            if section := re.fullmatch(r"params:(?:(?:iteration_1|baseline)\.)?(\w+).*", item):
                found[section[1]].update(code.modules_of(node))
    for section, module in READ_BY_A_HOOK.items():
        if f'"params:{section}"' in source(module):
            found[section].add(module)
    yield found
    bootstrap_project(project)


def source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).read_text(encoding="utf-8")


def words(module: str) -> set[str]:
    """Names by which a module may read a parameter."""
    found = set()
    for node in ast.walk(ast.parse(source(module))):
        match node:
            case (
                ast.Subscript(slice=ast.Constant(value=str(word)))
                | ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(word)), *_])
                | ast.AnnAssign(target=ast.Name(id=word))
                | ast.arg(arg=word)
            ):
                found.add(word)
    return found


def unread(values: Mapping[str, Any], known: set[str], path: str) -> Iterator[str]:
    known_here = TABLES.get(path, known)
    for name, value in values.items():
        if name not in known_here:
            yield f"{path}.{name}"
        if isinstance(value, Mapping):
            yield from unread(value, known, f"{path}.{name}")


def test_every_section_is_read(readers: dict[str, set[str]]) -> None:
    assert set(parameters()) - set(readers) == READ_BY_THE_PIPELINES


def test_rounds_and_experts_shape_the_pipelines() -> None:
    given = {"rounds": 7, "experts": ["one", "other"]}
    assert set(given) == READ_BY_THE_PIPELINES
    assert rounds.layout(given) == rounds.Layout(rounds=7, experts=("one", "other"))


@pytest.mark.parametrize("section", sorted(set(parameters()) - READ_BY_THE_PIPELINES))
def test_every_parameter_is_read_by_name(section: str, readers: dict[str, set[str]]) -> None:
    values = parameters()[section]
    if isinstance(values, Mapping):
        known = set().union(*(words(module) for module in readers[section]))
        assert not list(unread(values, known, section))


def test_a_parameter_that_nobody_reads_is_found(readers: dict[str, set[str]]) -> None:
    known = set().union(*(words(module) for module in readers["merging"]))
    values = parameters()["merging"] | {"densities": 0.5, "weights": {"nobody": 1.0}}
    assert list(unread(values, known, "merging")) == ["merging.weights.nobody", "merging.densities"]
