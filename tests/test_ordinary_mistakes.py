"""What people get wrong every day ends in a sentence that says what, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from kedro.framework.cli.cli import KedroCLI
from kedro.framework.startup import bootstrap_project

from selfscore.quiet import quiet

Kedro = Callable[..., Result]
_MOST_LINES = 5


@pytest.fixture(scope="module")
def conf(copy_conf: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration for all tests here: nothing that fails writes to it."""
    return copy_conf(tmp_path_factory.mktemp("mistakes"))


@pytest.fixture
def kedro(project: Path, conf: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kedro]:
    """`kedro …`, as the installed command reads it, on the test's own configuration."""
    monkeypatch.chdir(project)
    quiet()

    def call(*arguments: str, own: bool = True, conf: Path = conf) -> Result:
        given = [*arguments, f"--conf-source={conf}"] if own else list(arguments)
        return CliRunner().invoke(KedroCLI(project_path=project), given)

    yield call
    bootstrap_project(project)


def end_of(result: Result) -> list[str]:
    """The lines below those that tell how far the run is."""
    assert result.exit_code != 0, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    lines = result.output.splitlines()
    told = [place for place, line in enumerate(lines) if "  INFO  " in line]
    return [line for line in lines[told[-1] + 1 if told else 0 :] if line.strip()]


def test_a_run_says_its_first_word_before_it_reads_anything(
    kedro: Kedro, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "selfscore"):
        kedro("run", "--env=tset")
    assert caplog.messages[0].startswith("Reading the configuration")


# What is typed → what the sentence must hold.
MISTAKES = {
    "run --pipelines=evaluaton": "no pipeline 'evaluaton': did you mean evaluation?",
    "run --tags=nothing --pipelines=ingestion": "there is cpu",
    "run --env=tset": "no configuration environment 'tset': did you mean test?",
    "run --env=recipes/smolvlm": "did you mean recipes/smolvlm_",
    "run --env=team": "SELFSCORE_STORE is not set",
    "run --namespaces=iteration_9": "no namespace 'iteration_9': did you mean iteration_",
    "run --nodes=draw_splits": "did you mean ingestion.draw_splits?",
    "run --from-nodes=nothing": "`kedro registry describe` lists them",
    "run --to-nodes=merge_expert": "no node 'merge_expert'",
    "run --tags=trainig": "no tag 'trainig': did you mean dpo_training or level_training?",
    "run --to-outputs=scored_image": "did you mean scored_images or",
    "run --from-inputs=nothing": "`kedro catalog describe-datasets` lists them",
    "run --pipelines=ingestion --nodes=ingestion.draw_splits --to-outputs=quarantine": (
        "leave some of it out"
    ),
    "run --runner=NoRunner": "choose SequentialRunner",
    "run --runner=ThreadRunner": "leave out --runner",
    "run --params=rounds=0": "rounds must be at least 1, not 0",
    "run --params=rounds": "is no `key=value`",
    "run --params=ingestion.unitt=stars": "did you mean unit?",
    "run --load-versions=policy_1": "dataset_name:YYYY",
    "run --nodes=baseline.describe_base_policy --load-versions=score_scale:2020": (
        "'score_scale' has no version 2020: there is none yet"
    ),
    "plan --load-versions=policy_1": "dataset_name:YYYY",
    "run --load-versions=nothing:2026": "not found in the catalog",
    "run --nosuch": "No such option",
    # What is replayed never takes the place of a project's own results.
    "handoff replay nothing --run": "No such option",
    "run --config=nowhere.yml": "does not exist",
    "run --pipelines=evaluation": "is not there yet: no run has made it",
    "run --pipelines=ingestion --params=images.folder=/nowhere": "'/nowhere' does not exist",
    "run --pipelines=ingestion --params=images.scores=/nowhere.csv": "'/nowhere.csv' do not exist",
    "run --pipelines=ingestion --params=ingestion.columns.score=MOS": "no column 'MOS'",
    "plan --pipelines=nothing": "no pipeline 'nothing'",
    "plan --nodes=nothing": "no node 'nothing'",
    "stale --env=nothing": "no configuration environment 'nothing'",
    "resume --run=nothing": "There ",
    "promote 99": "no version 99",
}
# Kedro's own commands have no --conf-source.
OF_KEDRO = {
    "registry describe nothing": "'nothing' pipeline not found",
    "catalog describe-datasets --env=nothing": "no configuration environment 'nothing'",
    "score nothing.jpg": "no image at 'nothing.jpg'",
    "score data/01_raw/demo_images/images/cat_01.jpg --policy=policy_77": "no policy 'policy_77'",
    "score data/01_raw/demo_images/images/cat_01.jpg --env=nothing": "environment 'nothing'",
    "nosuch": "No such command",
}


@pytest.mark.parametrize(
    ("typed", "words", "own"),
    [
        *((typed, words, True) for typed, words in MISTAKES.items()),
        *((typed, words, False) for typed, words in OF_KEDRO.items()),
    ],
)
def test_a_mistake_is_a_sentence(kedro: Kedro, typed: str, words: str, own: bool) -> None:
    end = end_of(kedro(*typed.split(), own=own))
    assert words in " ".join(end)
    assert len(end) <= _MOST_LINES, end
    assert not [line for line in end if "Traceback" in line]
    assert typed.startswith("registry") or "Run with --verbose" not in " ".join(end)
    # A run that goes on would go on with the same mistake.
    assert "go on with: kedro resume" not in " ".join(end) or "=evaluation" in typed


def test_a_configuration_that_is_no_yaml_is_named(kedro: Kedro, conf: Path) -> None:
    file = conf / "local/parameters.yml"
    file.write_text("rounds: [1\nseed: 2")
    try:
        end = end_of(kedro("run"))
    finally:
        file.unlink()
    assert str(file) in " ".join(end) and len(end) <= _MOST_LINES


@pytest.mark.parametrize("offline", [True, False])
def test_a_model_that_is_not_here(
    kedro: Kedro,
    image_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    offline: bool,
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
    names = [f"{number:02d}.png" for number in range(30)]
    folder = image_folder(*names)
    scores = folder.parent / "scores.csv"
    pd.DataFrame({"image": names, "score": range(30)}).to_csv(scores, index=False)
    places = f"images.folder={folder},images.scores={scores},ingestion.levels=4"
    only = "--nodes=ingestion.read_scores,ingestion.check_images,ingestion.draw_splits"
    only += ",ingestion.fit_score_scale,ingestion.assign_levels,baseline.describe_base_policy"
    only += ",baseline.open_checkpoints,baseline.encode_images"
    end = end_of(kedro("run", only, f"--params={places},model.id=org/nothing"))
    assert "'org/nothing'" in end[0] and "`model.id`" in end[0]
    assert "HF_HUB_OFFLINE" in end[0]
    assert len(end) <= _MOST_LINES, end


_SCORE = "score data/01_raw/demo_images/images/cat_01.jpg --policy=policy_77"


@pytest.mark.parametrize(
    ("typed", "words", "own"),
    [
        ("run --pipelines=ingestion --params=ingestion.columns.score=MOS", "no column 'MOS'", True),
        ("run --env=nothing", "environment 'nothing'", True),
        ("plan --nodes=nothing", "no node 'nothing'", True),
        ("stale --nodes=nothing", "no node 'nothing'", True),
        ("prune --env=nothing", "environment 'nothing'", True),
        ("resume --run=nothing", "There ", True),
        ("promote 99", "no version 99", True),
        ("handoff create nothing --output=nowhere", "'nothing' cannot be handed on", True),
        ("handoff verify nowhere", "nowhere", False),
        ("handoff replay nowhere", "nowhere", True),
        (_SCORE, "no policy 'policy_77'", False),
        ("serve --policy=policy_77", "no policy 'policy_77'", False),
    ],
)
def test_the_traceback_is_shown_on_request(kedro: Kedro, typed: str, words: str, own: bool) -> None:
    asked = kedro(*typed.split(), "--verbose", own=own)
    assert isinstance(asked.exception, SystemExit) and asked.exit_code != 0
    traceback, _, said = asked.output.rpartition("Traceback (most recent call last):")
    assert traceback is not None and "raise " in said, asked.output
    # The sentence stands below it, as without.
    assert words in " ".join(said.splitlines()[-_MOST_LINES:])


def test_a_fault_of_a_program_is_shown_whole(kedro: Kedro, monkeypatch: pytest.MonkeyPatch) -> None:
    from selfscore.scored_images import score_table

    monkeypatch.setattr(score_table, "select_columns", lambda table, *_: table["nothing"])
    assert isinstance(kedro("run", "--pipelines=ingestion").exception, KeyError)


def test_what_is_said_to_make_a_dataset_makes_it(
    kedro: Kedro, image_folder: Callable[..., Path], trial_conf: Path
) -> None:
    names = [f"{number:02d}.png" for number in range(30)]
    folder = image_folder(*names)
    scores = folder.parent / "scores.csv"
    pd.DataFrame({"image": names, "score": range(30)}).to_csv(scores, index=False)
    given = f"--params=images.folder={folder},images.scores={scores},ingestion.levels=4"
    end = end_of(kedro("run", given, "--nodes=ingestion.fit_score_scale", conf=trial_conf))
    assert "--to-outputs=split_images" in end[0]
    assert kedro("run", given, "--to-outputs=split_images", conf=trial_conf).exit_code == 0
    again = kedro("run", given, "--nodes=ingestion.fit_score_scale", conf=trial_conf)
    assert again.exit_code == 0, again.output
