"""Parameters: wrong values and names, in YAML and with --params, and files that are no YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from benchmarks.hostile.ingestion import (
    COMMAND,
    LEVELS,
    NAMES,
    SCORES,
    Ingested,
    named,
    table,
    tried,
    written,
)
from benchmarks.hostile.inputs import REFUSED, USED, Input

_PLAN = ("plan", "--pipelines=iteration")
_NAN, _INFINITE = float("nan"), float("inf")
_WRONG: Mapping[str, tuple[Any, ...]] = {
    "count": ("abc", "10", "", -1, 0, 1.5, True, _NAN, [3], {"a": 1}),
    "share": ("5%", "0,05", 5, -0.1, _NAN, True, [], {}),
    "number": ("fast", "1e-4x", -1, _INFINITE, _NAN, False, [1]),
    "choice": ("", "tiess", 3, None, True, ["ties"]),
    "switch": ("maybe", "true", 1, 0, [], {}),
    "section": ("text", 5, [1], True),
}
_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "count": ("rounds", "ingestion.threads", "evaluation.decoding.max_new_tokens"),
    "share": ("ingestion.max_quarantine", "dpo_training.warmup_ratio"),
    "number": ("dpo_training.lr", "merging.epsilon", "evaluation.judging.openai.max_cost"),
    "choice": ("merging.method", "dpo_training.loss_type", "machine.loading.dtype"),
    "switch": ("ingestion.shuffle_labels", "dpo_training.gradient_checkpointing"),
    "section": ("ingestion", "merging.weights", "evaluation.health", "iteration_1", "prompts"),
}
# As it is written wrongly → the name that was meant.
_MISSPELT = {
    "round": "rounds",
    "expert": "experts",
    "ingestion.unitt": "unit",
    "ingestion.level": "levels",
    "ingestion.max_quarantined": "max_quarantine",
    "ingestion.columns.scores": "score",
    "merging.densty": "density",
    "merging.lamda": "lambda",
    "dpo_training.learning_rate": "",
    "dpo_training.betta": "beta",
    "dpo_training.experts.consistancy": "consistency",
    "evaluation.judging.judge": "judges",
    "evaluation.judging.openai.base-url": "base_url",
    "evaluation.health.threshold": "thresholds",
    "reporting.champion.metrics": "metric",
    "machine.loading.dtypes": "dtype",
    "iteration_1.merge": "merging",
    "iteration_1.dpo_training.lrr": "lr",
    "iteraton_1.merging.density": "iteration_1",
    "image.folder": "images",
    "prompt.rating": "prompts",
    "scoring.explanation": "explain",
}


def _nested(path: str, value: Any) -> dict[str, Any]:
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def _refused(kind: str, name: str, says: str, **options: Any) -> Input:
    command = options.pop("command", _PLAN)
    return Input(name, kind, lambda folder: None, command, (REFUSED,), says, **options)


def values() -> Iterator[Input]:
    """Every kind of setting with every wrong value, in YAML; half with `plan`, half with `run`."""
    kind = "parameters: wrong values"
    number = 0
    for sort, names in _SETTINGS.items():
        for name, value in product(names, _WRONG[sort]):
            if sort == "section" and name == "iteration_1" and value is True:
                continue
            number += 1
            command = _PLAN if number % 2 else ("run", "--pipelines=ingestion")
            says = rf"{name.replace('.', '[.]')}\b.* (must be|is wrong|is missing|does not exist)"
            yield _refused(
                kind, f"{name}: {value!r}", says, command=command, parameters=_nested(name, value)
            )


def misspelt() -> Iterator[Input]:
    """Names that do not exist, in YAML and with --params."""
    kind = "parameters: misspelt"
    for name, meant in _MISSPELT.items():
        says = f"does not exist: (did you mean {meant}" if meant else "does not exist: (there is "
        yield _refused(kind, f"{name}, in YAML", says + ")", parameters=_nested(name, 1))
        command = (*_PLAN, f"--params={name}=1")
        yield _refused(kind, f"{name}, with --params", says + ")", command=command)


def texts() -> Iterator[Input]:
    """What --params makes of a text, and what it cannot hold."""
    kind = "parameters: --params"
    for name, text, says in (
        ("no sign of equality", "seed", "seed"),
        ("nothing before it", "=3", ""),
        ("a comma inside", "images.folder=a,b", ""),
        ("a text for a list", "evaluation.splits=test", "evaluation[.]splits must be a list"),
        ("a bracket that stays open", "experts=[scoring,consistency", "no `key=value`"),
        ("a section with a wrong key", "merging={metod: ties}", "did you mean method"),
        ("a text for a number", "dpo_training.lr=fast", "dpo_training[.]lr must be a number"),
        ("a number with a comma", "dpo_training.lr=4,5", ""),
        ("a number with a sign of per cent", "ingestion.max_quarantine=5%", "must be a number"),
        ("a text for a truth value", "ingestion.shuffle_labels=maybe", "must be true or false"),
        ("a word for a seed", "seed=abc", "seed must be a whole number"),
        ("a fraction for a seed", "seed=1.5", "seed must be a whole number"),
        ("a negative seed", "seed=-1", "seed must be at least 0"),
        ("a section's name with nothing behind", "ingestion=", "ingestion must be a section"),
        ("no rounds", "rounds=0", "rounds must be at least 1"),
        ("a round too many", "iteration_3.merging.density=0.5", "none of the 2 rounds"),
        ("a round without a number", "iteration.merging.density=0.5", "does not exist"),
        ("levels beyond a hundred", "ingestion.levels=101", "levels must be at most 100"),
        ("one level", "ingestion.levels=1", "levels must be at least 2"),
        ("parts that do not divide", "dpo_training.accumulation_steps=3", "must divide"),
        ("shares above one", "ingestion.test_share=0.9", "below 1 together"),
        ("a loss with needs", "dpo_training.loss_type=exo_pair", "loss_type must be"),
        ("an interpolation", "model.id=${globals:secret}", ""),
        ("a variable", "seed=${oc.env:HOME}", ""),
    ):  # fmt: skip
        yield _refused(kind, name, says, command=(*_PLAN, f"--params={text}"))
    for name in ("007", "2019", "0x10", "score (1-5)", "no", "null", "true", "1e3", "1.50", "~"):
        rows = "\n".join(f"{image},{score}" for image, score in zip(NAMES, SCORES, strict=True))
        yield tried(
            kind,
            f"a column called {name}",
            f"image,{name}\n{rows}\n",
            (USED,),
            command=named("scores.csv", f"ingestion.columns.score={name}"),
        )
    for name, text in {
        "a list in brackets": "evaluation.splits=[test]",
        "a section in braces": "merging={method: ties}",
        "the same twice, of which the later counts": "merging=ties,merging.density=0.5",
    }.items():
        command = (*_PLAN, f"--params={text}")
        yield Input(name, kind, lambda folder: None, command, (USED,), "")
    for name, text in {
        "a value with signs of equality": "ingestion.unit=a=b",
        "a value with a colon": "ingestion.unit=score: 1 to 5",
        "a value with blanks": "ingestion.unit=  stars  ",
        "a value in another script": "ingestion.unit=星",
        "a value of 5,000 letters": "ingestion.unit=" + "x" * 5000,
    }.items():
        yield tried(kind, name, table(), (USED,), command=named("scores.csv", text))


def _entry(kind: str, field: str = "filepath") -> str:
    return f"quarantine: {{type: {kind}, {field}: x}}\n"


def _stored(more: str, instead: str = "") -> str:
    """A section `storage` with a line more, perhaps instead of one of its own."""
    own = [f"{name}: {{folder}}/data" for name in ("root", "scratch") if name != instead]
    return "storage:\n" + "".join(f"  {line}\n" for line in [*own, more])


def files() -> Iterator[Input]:
    """Files of the configuration that are no YAML, or say what no file may say."""
    kind = "parameters: files"
    laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, one in zip("abcdefg", "bcdefgh", strict=True)
    )
    own = "parameters.yml"
    for name, file, text, says in (
        ("a bracket too few", own, "rounds: [1\n", r"parameters\.yml|YAML"),
        ("a tab", own, "merging:\n\tdensity: 0.5\n", r"parameters\.yml|YAML"),
        ("a key twice", own, "seed: 1\nseed: 2\n", r"parameters"),
        ("a list", own, "- seed\n- 1\n", r"parameters\.yml|mapping"),
        ("a key alone", own, "seed\n", "seed must be a whole number"),
        ("two documents", own, "seed: 1\n---\nseed: 2\n", r"parameters.*single document"),
        ("an object of Python", own, "seed: !!python/object/apply:os.getcwd []\n", r"python"),
        ("a resolver that is not there", own, "seed: ${nope:1}\n", "nope"),
        ("a variable", own, "seed: ${oc.env:HOME}\n", "oc.env"),
        ("something that is not there", own, "seed: ${nowhere}\n", "nowhere"),
        ("itself", own, "seed: ${seed}\n", "[Rr]ecurs"),
        ("aliases that grow", own, laughs, "does not exist|parameters"),
        (
            "a misspelt value in a list",
            own,
            "evaluation: {splits: [tset]}\n",
            "splits.*names .tset",
        ),
        ("storage that is a list", "globals.yml", "storage: [data]\n", "storage must be"),
        (
            "storage without a root",
            "globals.yml",
            _stored("root: null", "root"),
            "storage.root must be",
        ),
        ("a place that is misspelt", "globals.yml", _stored("scrach: x"), "scrach does not exist"),
        ("images that are a number", "globals.yml", "images: {folder: 7}\n", "folder must be"),
        ("no scores", "globals.yml", "images: {scores: []}\n", "scores must be"),
        ("a dataset of no class", "catalog.yml", _entry("pandas.NoDataset"), "quarantine"),
        ("a field of no dataset", "catalog.yml", _entry("json.JSONDataset", "file"), "quarantine"),
        ("a catalog that is a list", "catalog.yml", "- quarantine\n", r"catalog"),
    ):
        command = named("scores.csv") if file != "globals.yml" else COMMAND[:2]
        yield Input(
            name,
            kind,
            written(table()),
            command,
            (REFUSED,),
            says,
            parameters={"ingestion": {"levels": LEVELS}},
            files={file: text},
        )
    for name, file, text in (
        ("nothing", "parameters.yml", ""),
        ("a comment alone", "parameters.yml", "# to do\n"),
        ("a BOM", "parameters.yml", "\ufeffseed: 3\n"),
    ):
        yield Input(
            name, kind, written(table()), COMMAND, (USED,), files={file: text},
            parameters={"ingestion": {"levels": LEVELS}},
            expected=Ingested(levels=None),
        )  # fmt: skip


def commands() -> Iterator[Input]:
    """Names of pipelines, nodes, environments, runners and versions that are not there."""
    kind = "parameters: names on the command line"
    run = ("run", "--pipelines=ingestion")
    version = "2020-01-01T00.00.00.000Z"
    described = ("run", "--nodes=baseline.describe_base_policy")
    for name, says, command in (
        ("a pipeline", "ingest", ("run", "--pipelines=ingest")),
        ("a pipeline, plan", "ingest", ("plan", "--pipelines=ingest")),
        ("a node", "read_score", ("run", "--nodes=read_score")),
        ("a namespace", "iteration_7", ("run", "--namespaces=iteration_7")),
        ("a tag", "tagg", ("run", "--tags=tagg")),
        ("an environment", "paperr", (*run, "--env=paperr")),
        ("an environment, plan", "paperr", ("plan", "--env=paperr")),
        ("an environment above", "conf|environment", ("plan", "--env=../conf")),
        ("a runner", "Runner", (*run, "--runner=FastRunner")),
        ("nodes in threads", "ThreadRunner", (*run, "--runner=ThreadRunner")),
        ("nodes in processes", "ParallelRunner", (*run, "--runner=ParallelRunner")),
        ("a version", "version|2020", (*described, f"--load-versions=score_scale:{version}")),
        ("a version of nothing", "no_such", (*run, f"--load-versions=no_such:{version}")),
        ("a version without a name", "version", (*run, "--load-versions=2020")),
        ("from a node", "no_such", ("run", "--from-nodes=no_such")),
        ("from inputs", "no_such", ("run", "--from-inputs=no_such")),
        ("a configuration", "nowhere", (*run, "--conf-source=nowhere")),
        ("an option", "--pipelinez", ("run", "--pipelinez=ingestion")),
        ("resume without a run", "no run|nothing", ("resume",)),
        ("resume a run that is not there", "no run", ("resume", f"--run={version}")),
        ("score a folder without images", "no image at", ("score", "{folder}/conf")),
        ("a handoff that is not there", "nowhere", ("handoff", "verify", "nowhere.tar.gz")),
    ):
        yield _refused(kind, name, says, command=command)
    # Click's own words: two lines of usage, the error, and the commands that may have been meant.
    yield _refused(kind, "a command", "No such command 'rnu'", command=("rnu",), lines=6)


FAMILIES = (values, misspelt, texts, files, commands)
