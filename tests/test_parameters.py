"""Every parameter is a field of a class, and a wrong one ends every command with one message."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml
from click.testing import CliRunner
from kedro.framework.cli.cli import KedroCLI
from kedro.framework.cli.hooks import get_cli_hook_manager
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project
from kedro.validation.type_extractor import TypeExtractor
from pydantic import TypeAdapter

from selfscore.configuration.layout import LEVEL, TRAINING, as_given, expand, merged, round_of
from selfscore.configuration.settings_class import as_parameters
from selfscore.configuration.wrong_settings import _fields, _plain
from selfscore.datasets import formats
from selfscore.merging.methods import MERGE_METHODS
from selfscore.merging.settings import Method
from selfscore.parameters import (
    SECTIONS,
    Shape,
    WrongParametersError,
    check,
    check_places,
)
from selfscore.pipelines.ingestion.settings import FormatName
from selfscore.preference_data.builders import PAIR_BUILDERS
from selfscore.preference_optimization.settings import DPOSettings
from selfscore.provenance.manifest import same
from selfscore.viz_check import check_before_viz

CONF = Path(__file__).parents[1] / "conf" / "base"
# Only --params gives them: what stands for them is in globals.yml.
PLACES = {"images": SECTIONS["images"]}
GIVEN_BY_PARAMS = {"scoring.images"}


def base() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for file in CONF.rglob("parameters*.yml"):
        found |= yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


def nested(path: str, value: Any) -> dict[str, Any]:
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def fields(kind: Any, path: str) -> Iterator[str]:
    for name, below in _fields(_plain(kind)).items():
        yield f"{path}.{name}"
        yield from fields(below, f"{path}.{name}")


def keys(section: Any, kind: Any, path: str) -> Iterator[str]:
    known = _fields(_plain(kind))
    for name, value in section.items() if known else ():
        yield f"{path}.{name}"
        yield from keys(value, known.get(name), f"{path}.{name}")


def test_every_parameter_is_a_field_and_every_field_a_parameter() -> None:
    parameters = base()
    training = dict(parameters.pop(TRAINING))
    assert set(training.pop("experts")) <= set(PAIR_BUILDERS)
    kinds = {name: kind for name, kind in SECTIONS.items() if name not in PLACES}
    assert set(parameters) == {*_fields(Shape), *kinds}
    for name, kind, section in [
        *((name, kind, parameters[name]) for name, kind in kinds.items()),
        (TRAINING, DPOSettings, training),
    ]:
        assert set(keys(section, kind, name)) == set(fields(kind, name)) - GIVEN_BY_PARAMS
    check(base())


def test_names_that_stand_twice_are_the_same() -> None:
    assert set(_literal(Method)) == set(MERGE_METHODS)
    assert set(_literal(FormatName)) == {"table", "preferences", *formats.PUBLISHED}
    assert set(base()["merging"]["weights"]) == {*PAIR_BUILDERS, LEVEL}


def _literal(kind: Any) -> tuple[str, ...]:
    return kind.__args__


def test_nodes_take_the_classes_that_are_checked(project: Path) -> None:
    bootstrap_project(project)
    built = TypeExtractor(dict(pipelines)).extract_types_from_pipelines()
    for name, kind in built.items():
        top, _, below = name.partition(".")
        section = below if round_of(top) is not None else name
        stage = section.split(".")[0]
        checked = DPOSettings if stage == TRAINING else SECTIONS[stage]
        for field in () if stage == TRAINING else section.split(".")[1:]:
            checked = get_type_hints(checked)[field]
        assert kind is checked, name


def test_a_node_has_at_most_nine_inputs_or_says_why(project: Path) -> None:
    bootstrap_project(project)
    many = {
        node.func.__name__: node.func.__doc__
        for pipeline in dict(pipelines).values()
        for node in pipeline.nodes
        if len(node.inputs) > 9
    }
    assert set(many) <= {
        "find_mentions",
        "read_texts",
        "weigh_references",
        "judge_explanations",
        "measure_policies",
        "write_report",
    }
    assert all("inputs" in (text or "") for text in many.values())


WRONG = [
    ("ingestion.unitt", "stars", "ingestion.unitt does not exist: did you mean unit?"),
    ("round", 3, "round does not exist: did you mean rounds?"),
    ("merging.densty", 0.9, "merging.densty does not exist: did you mean density?"),
    ("dpo_training.betta", 1, "dpo_training.betta does not exist: did you mean beta?"),
    (
        "iteration_2.dpo_training.lrr",
        1,
        "dpo_training.lrr does not exist: did you mean lr?",
    ),
    ("iteration_2.mergin.rank", 1, "iteration_2.mergin does not exist: did you mean merging?"),
    ("iteration_7.merging.rank", 1, "iteration_7 is none of the 2 rounds: raise `rounds`"),
    ("dpo_training.experts.mixd.lr", 1.0, "dpo_training.experts.mixd does not exist: did you mean"),
    ("dpo_training.experts.level.lr", 1.0, "level has no pairs: its settings are the section"),
    (
        "iteration_2.dpo_training.consistency.lr",
        1.0,
        "iteration_2.dpo_training.consistency does not exist: did you mean experts.consistency?",
    ),
    ("dpo_training.expert.mixed.lr", 1.0, "expert does not exist: did you mean experts?"),
    ("dpo_training.level.lr", 1.0, "level does not exist: did you mean level_training?"),
    ("level_training.text_evry", 2, "text_evry does not exist: did you mean text_every?"),
    ("level_training.accumulation_steps", 3, "`accumulation_steps` must divide `batch_size`"),
    ("dpo_training.experts.mixed.lrr", 1.0, "experts.mixed.lrr does not exist: did you mean lr?"),
    ("machine.loading.dtyp", "auto", "machine.loading.dtyp does not exist: did you mean dtype?"),
    ("merging.method", "tiess", "not 'tiess' (did you mean ties?)"),
    ("evaluation.n_resample", 9, "evaluation.n_resample does not exist: did you mean n_resamples?"),
    ("evaluation.judging.judges", ["tfidff"], "did you mean tfidf?"),
    ("evaluation.judging.judges", [], "evaluation.judging.judges must have at least 1"),
    ("evaluation.health.on_breach", "halt", "must be warn or stop, not 'halt'"),
    ("evaluation.health.thresholds.min_word", 1, "min_word does not exist: did you mean"),
    ("evaluation.confidence", 95, "evaluation.confidence must be"),
    ("evaluation.splits", ["train"], "'train' is what policies learn from, and never evaluated"),
    ("evaluation.splits", ["Held out"], "evaluation.splits"),
    ("reporting.split", "train", "'train' is what policies learn from, and never evaluated"),
    ("reporting.champion.metrik", "srcc", "metrik does not exist: did you mean metric?"),
    ("reporting.gallery.pixels", 0, "reporting.gallery.pixels must be at least 1, not 0"),
    ("machine.loading.quantization", "8bit", "must be 4bit, not '8bit'"),
    ("merging.density", 0, "merging.density must be above 0.0, not 0"),
    ("ingestion.max_quarantine", 5, "ingestion.max_quarantine must be at most 1.0, not 5"),
    ("ingestion.max_quarantine", -1, "ingestion.max_quarantine must be at least 0.0, not -1"),
    ("ingestion.max_quarantine", "5%", "ingestion.max_quarantine must be a number, not '5%'"),
    ("ingestion.threads", "four", "ingestion.threads must be a whole number, not 'four'"),
    ("ingestion.max_images_per_split", -5, "max_images_per_split must be at least 1, not -5"),
    ("ingestion.score_range", [5, 1], "ingestion is wrong: `score_range` must be the lowest"),
    ("ingestion.columns", "image", "ingestion.columns must be a section, not 'image'"),
    ("dpo_training.lr", "fast", "dpo_training.lr must be a number, not 'fast'"),
    ("dpo_training.lr", float("nan"), "dpo_training.lr must be a finite number, not nan"),
    ("dpo_training.batch_size", 3.0, "dpo_training.batch_size must be a whole number, not 3.0"),
    ("dpo_training.checkpoint_steps", 7, "checkpoint_steps must be a multiple of 5, not 7"),
    ("dpo_training.accumulation_steps", 3, "`accumulation_steps` must divide `batch_size`"),
    ("dpo_training", 3, "dpo_training must be a section, not 3"),
    ("iteration_1.merging", 3, "iteration_1.merging must be a section, not 3"),
    ("seed", "abc", "seed must be a whole number, not 'abc'"),
    ("seed", 1.5, "seed must be a whole number, not 1.5"),
    ("seed", True, "seed must be a whole number, not True"),
    ("rounds", 0, "rounds must be at least 1, not 0"),
    ("ingestion.columns.score", False, "score must be a text, not False"),
    ("rounds", 10**9, "rounds must be at most 100, not 1000000000"),
    ("experts", "scoring", "experts must be a list, not 'scoring'"),
    ("experts", ["scorin"], "experts.0 must be scoring, consistency, "),
    ("experts", ["scoring", "scoring"], "`experts` names one of them twice"),
    ("registry.model", "team/x", "registry is wrong: MLflow takes no model named 'team/x'"),
    ("registry.model", "", "registry is wrong: MLflow takes no model named ''"),
    ("machine.generation.backend", "vllm", "model.views must be 1 and not 4 where"),
    ("prompts.justify", "Why?", "`prompts.justify` has no placeholder {level}"),
]


@pytest.mark.parametrize(("path", "value", "message"), WRONG)
def test_what_is_wrong_is_named_once(path: str, value: Any, message: str) -> None:
    with pytest.raises(WrongParametersError) as caught:
        check(merged(base(), nested(path, value)))
    assert len(caught.value.problems) == 1
    assert message in str(caught.value.problems[0])


def test_a_run_that_goes_on_gives_the_parameters_it_began_with() -> None:
    check(as_given(expand(base())))


@pytest.mark.parametrize("name", sorted(set(SECTIONS) - set(PLACES)))
def test_a_manifest_says_of_settings_what_the_configuration_says(name: str) -> None:
    section = base()[name]
    made = TypeAdapter(SECTIONS[name]).validate_python(section)
    assert same(as_parameters(made), section)


def test_all_mistakes_are_told_at_once() -> None:
    parameters = merged(merged(base(), nested("round", 3)), nested("merging.densty", 1))
    with pytest.raises(WrongParametersError, match=r"2 parameters are wrong:\n  .*\n  .*"):
        check(parameters)


def test_a_mistake_in_what_all_rounds_share_is_told_once() -> None:
    parameters = merged(base(), nested("merging.densty", 1))
    with pytest.raises(WrongParametersError) as caught:
        check(merged(parameters, nested("iteration_1.merging.rank", 4)))
    assert [problem.place for problem in caught.value.problems] == [("merging", "densty")]


@pytest.mark.parametrize(
    "command",
    [
        ["run", "--pipelines=ingestion"],
        ["run", "--pipelines=scoring"],
        ["plan"],
        ["stale"],
    ],
)
def test_every_command_ends_with_one_message_before_anything_runs(
    command: list[str], project: Path, trial_conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    options = ["--params=merging.densty=0.9", f"--conf-source={trial_conf}"]
    done = CliRunner().invoke(KedroCLI(project), [*command, *options])
    assert done.exit_code == 1
    assert done.output.strip() == "Error: merging.densty does not exist: did you mean density?"
    assert not (trial_conf.parent / "data").exists()


@pytest.mark.parametrize("command", [["viz"], ["viz", "run", "--port=1"]])
def test_kedro_viz_starts_no_process_with_a_wrong_parameter(
    command: list[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    bootstrap_project(project)
    hooks = get_cli_hook_manager()
    # Registered where the project is installed.
    added = None if hooks.is_registered(check_before_viz) else hooks.register(check_before_viz)
    try:
        done = CliRunner().invoke(KedroCLI(project), [*command, "--params=round=3"])
    finally:
        if added:
            hooks.unregister(check_before_viz)
    assert done.exit_code == 1
    assert done.output.strip() == "Error: round does not exist: did you mean rounds?"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("storage", ["data"], "storage must be a section, not ['data']"),
        ("storage.root", None, "storage.root must be a text, not None"),
        ("storage.models", "x", "storage.models does not exist: there is root, scratch, raw"),
        ("images.folder", 7, "images.folder must be a text, not 7"),
        ("images.scores", [], "images.scores must be a text or have at least 1 values, not []"),
        ("images.max_pixels", "many", "images.max_pixels must be a whole number, not 'many'"),
    ],
)
def test_a_place_that_is_none_is_told(path: str, value: Any, said: str) -> None:
    told = yaml.safe_load((CONF / "globals.yml").read_text(encoding="utf-8"))
    check_places(told | {"mine": 1})
    with pytest.raises(WrongParametersError) as wrong:
        check_places(merged(told, nested(path, value)))
    assert str(wrong.value) == f"globals.yml: {said}."
