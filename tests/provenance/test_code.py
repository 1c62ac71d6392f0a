from __future__ import annotations

from functools import partial, update_wrapper
from pathlib import Path

import pytest
from kedro.pipeline import Node

from selfscore.provenance import code


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes modules of a package that stands in for the project's own."""
    monkeypatch.setattr(code, "_SOURCES", tmp_path)

    def write(**modules: str) -> Path:
        for name, text in modules.items():
            path = tmp_path.joinpath("selfscore", *name.split("__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "selfscore"

    return write


def node_in(module: str) -> Node:
    def work(x):
        return x

    work.__module__ = module
    return Node(work, "x", "y", name="work")


def test_modules_are_followed_wherever_they_are_imported(package):
    package(
        nodes="from selfscore.room import tool\nimport selfscore.far\nimport os\n"
        "def work(x):\n    from selfscore.heavy import run\n    return run(x)\n",
        room__tool="from ..other import thing\n",
        room__unused="",
        far="if True:\n    from selfscore.room.deep import value as v\n",
        room__deep="",
        heavy="from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from selfscore.types_only import T\n",
        types_only="",
        other="",
    )
    assert code.modules_of(node_in("selfscore.nodes")) == [
        "selfscore.far",
        "selfscore.heavy",
        "selfscore.nodes",
        "selfscore.other",
        "selfscore.room.deep",
        "selfscore.room.tool",
    ]


def test_names_that_a_package_offers_lead_to_it(package):
    root = package(nodes="from selfscore.room import tool\n", room__inside="tool = 1\n")
    (root / "room" / "__init__.py").write_text("from selfscore.room.inside import tool\n")
    assert code.modules_of(node_in("selfscore.nodes")) == [
        "selfscore.nodes",
        "selfscore.room",
        "selfscore.room.inside",
    ]


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ("# said otherwise\ndef f(x):\n    return x + 1\n", True),
        ('"""Module."""\n\n\ndef f(x):\n    """What it does."""\n    return (x + 1)\n', True),
        ("def f(x):\n    return x + 2\n", False),
        ("def f(x, y=0):\n    return x + 1\n", False),
    ],
)
def test_only_code_counts(package, changed, same):
    package(nodes='def f(x):\n    """Old words."""\n    return x + 1\n')
    before = code.sha256_module("selfscore.nodes")
    package(nodes=changed)
    assert (code.sha256_module("selfscore.nodes") == before) is same


def test_a_template_beside_the_module_counts(package):
    root = package(page__nodes='TEMPLATE = "page.html"\n', page__other="x = 1\n")
    (root / "page" / "page.html").write_text("old")
    names = ("selfscore.page.nodes", "selfscore.page.other")
    before = [code.sha256_module(name) for name in names]
    (root / "page" / "page.html").write_text("new")
    after = [code.sha256_module(name) for name in names]
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_what_is_bound_is_part_of_the_function():
    def build(x, expert):
        return x

    bound = update_wrapper(partial(build, expert="scoring"), build)
    name = code.function_name(Node(bound, "x", "y", name="build"))
    assert name.endswith("build(expert='scoring')")
    assert code.function_name(Node(build, ["x", "e"], "y", name="b")).endswith(".build")


def test_a_module_that_is_gone_has_no_sha256(package):
    package()
    assert code.sha256_module("selfscore.gone") == ""


def test_the_projects_own_nodes_reach_their_rooms():
    from selfscore.pipelines.merging.nodes import merge_experts

    node = Node(merge_experts, ["p", "s"], ["a", "r"], name="merge")
    found = code.modules_of(node)
    assert {"selfscore.merging.experts", "selfscore.merging.methods"} <= set(found)
    assert "selfscore.provenance.code" not in found
    assert all(len(code.sha256_module(name)) == 64 for name in found)


def test_the_demo_is_code_of_the_project():
    from selfscore_demo.pipelines.demo_images.nodes import list_statements

    found = code.modules_of(Node(list_statements, None, "y", name="demo"))
    assert any(name.startswith("selfscore_demo.") for name in found if ".pipelines." not in name)
    assert all(code.sha256_module(name) for name in found)
