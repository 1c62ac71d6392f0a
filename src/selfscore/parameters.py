"""The parameters of the project as one whole, and the check that all of them are right.

The configuration loader calls `check` before anything else happens, so a misspelt key or a wrong
value ends every command with a message, whatever part of the project it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from typing import Annotated, Any, Literal

import click
from pydantic import Field

from selfscore.configuration.domain import Domain
from selfscore.configuration.layout import LEVEL, STAGES, TRAINING, merged, namespace, round_of
from selfscore.configuration.settings_class import Count, Whole, settings_class
from selfscore.configuration.wrong_settings import KeyPath, Problem, keys_of, problems, unknown
from selfscore.level_training.settings import LevelSettings
from selfscore.merging.settings import MergeSettings
from selfscore.pipelines.baseline.settings import ImageFeaturesSettings
from selfscore.pipelines.data_generation.settings import DataGenerationSettings
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.pipelines.ingestion.settings import IngestionSettings
from selfscore.pipelines.preference_building.settings import PreferenceBuildingSettings
from selfscore.pipelines.scoring.settings import ScoringSettings
from selfscore.preference_data.builders import PAIR_BUILDERS
from selfscore.preference_optimization.settings import DPOSettings
from selfscore.report.settings import ReportingSettings
from selfscore.review.settings import ReviewSettings
from selfscore.study.settings import StudySettings
from selfscore.vlm.options import Machine
from selfscore.vlm.policy import BaseModel
from selfscore.vlm.response import Prompts

MOST_ROUNDS = 100


@settings_class
class Shape:
    """Parameters at the top level that are no section.

    Attributes:
        seed: of everything that is drawn.
        rounds: how many there are. Each has steps of its own, which are made before the first one.
        experts: what every round trains and merges, by the names of their pairs' builders; `level`
            is the one without pairs.
    """

    seed: Whole
    rounds: Annotated[int, Field(ge=1, le=MOST_ROUNDS)]
    experts: Annotated[list[Literal[*PAIR_BUILDERS, LEVEL]], Field(min_length=1)]  # type: ignore[valid-type]

    def __post_init__(self) -> None:
        if len(set(self.experts)) < len(self.experts):
            raise ValueError("`experts` names one of them twice")


@settings_class
class ImagePlaces:
    """The section `images`, where --params names other places than globals.yml.

    Attributes:
        folder: of the images.
        scores: the table, several tables, or the folder of a published data set.
        max_pixels: images with more are not decoded.
    """

    folder: str | None = None
    scores: str | list[str] | None = None
    max_pixels: Count | None = None


Place = Annotated[str, Field(min_length=1)]


@settings_class
class Storage:
    """The section `storage` of globals.yml.

    Attributes:
        root: of all that is kept in versions.
        scratch: of work in progress, and of what the next run writes over.
        raw: of the demo.
    """

    root: Place
    scratch: Place
    raw: Place


@settings_class
class Images:
    """The section `images` of globals.yml.

    Attributes:
        folder: of the images.
        scores: a table, several, or the folder of a published data set.
        max_pixels: images with more are not decoded.
    """

    folder: Place
    scores: Place | Annotated[list[Place], Field(min_length=1)]
    max_pixels: Count


@settings_class
class NewImages:
    """The section `scoring` of globals.yml.

    Attributes:
        images: the folder with those to be scored.
    """

    images: Place


@settings_class
class Truth:
    """The section `truth` of globals.yml.

    Attributes:
        severities: table of what is known of images, or the folder with PARA's or SPAQ's.
        lexicon: the phrases, and between which values of which attribute each is true.
    """

    severities: Place
    lexicon: Place


PLACES: dict[str, Any] = {
    "storage": Storage,
    "images": Images,
    "scoring": NewImages,
    "truth": Truth,
}


@settings_class
class RegistrySettings:
    """The section `registry`.

    Attributes:
        model: name of the registered model, with neither "/" nor ":" in it, as MLflow's addresses
            of models have these; None registers none.
    """

    model: str | None

    def __post_init__(self) -> None:
        if self.model is not None and (not self.model.strip() or {"/", ":"} & set(self.model)):
            raise ValueError(
                f"MLflow takes no model named {self.model!r}: `model` needs a letter, and may have "
                "neither '/' nor ':'"
            )


# Name → type of each section but `dpo_training`, which has one more in it for each expert.
SECTIONS: dict[str, Any] = {
    "model": BaseModel,
    "machine": Machine,
    "domain": Domain,
    "prompts": Prompts,
    "images": ImagePlaces,
    "image_features": ImageFeaturesSettings,
    "ingestion": IngestionSettings,
    "data_generation": DataGenerationSettings,
    "preference_building": PreferenceBuildingSettings,
    "level_training": LevelSettings,
    "merging": MergeSettings,
    "evaluation": EvaluationSettings,
    "reporting": ReportingSettings,
    "registry": RegistrySettings,
    "review": ReviewSettings,
    "study": StudySettings,
    "scoring": ScoringSettings,
}
if find_spec("selfscore_demo") is not None:
    from selfscore_demo.pipelines.demo_images.settings import DemoImagesSettings
    from selfscore_demo.pipelines.demo_model.settings import DemoModelSettings

    SECTIONS |= {"demo_images": DemoImagesSettings, "demo_model": DemoModelSettings}


class WrongParametersError(click.ClickException, ValueError):
    """Parameters that are wrong, all of them.

    Args:
        found: what is wrong.
    """

    def __init__(self, found: list[Problem]) -> None:
        head = "" if len(found) == 1 else f"{len(found)} parameters are wrong:\n  "
        super().__init__(head + "\n  ".join(map(str, found)))
        self.problems = found


def check_places(told: Mapping[str, Any]) -> None:
    """Check the places that globals.yml names; sections of one's own may stand beside them.

    Args:
        told: what it says.

    Raises:
        WrongParametersError: a place is missing, or is none.
    """
    found = [
        Problem(("globals.yml: " + str(one.place[0]), *one.place[1:]), one.text)
        for name, kind in PLACES.items()
        if name in told
        for one in problems(kind, told[name], (name,))
    ]
    if found:
        raise WrongParametersError(found)


def check(parameters: Mapping[str, Any]) -> None:
    """Check every parameter, whichever pipelines are to run.

    Args:
        parameters: as the user gives them, with what single rounds change under their names.

    Raises:
        WrongParametersError: there is one that does not exist, or has a value it cannot have.
    """
    found = [*_shared(parameters), *_of_two_sections(parameters), *_of_rounds(parameters)]
    if found:
        raise WrongParametersError(found)


def _shared(parameters: Mapping[str, Any]) -> Iterator[Problem]:
    alone = [name for name in parameters if name in Shape.__annotations__]
    yield from problems(Shape, {name: parameters[name] for name in alone})
    for name, value in parameters.items():
        if name == TRAINING:
            yield from _training(value, (name,))
        elif name in SECTIONS:
            yield from problems(SECTIONS[name], value, (name,))
        elif name not in alone and round_of(name) is None:
            yield unknown(name, [*Shape.__annotations__, *SECTIONS, TRAINING, namespace(1)])


def _of_two_sections(parameters: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with values that are right alone."""
    views, backend = (
        _value(parameters, place) for place in ("model.views", "machine.generation.backend")
    )
    if backend == "vllm" and views in (2, 4):
        yield Problem(
            ("model", "views"),
            f"must be 1 and not {views} where `machine.generation.backend` is vllm, which shows a "
            "model each picture once.",
        )


def _value(parameters: Any, place: str) -> Any:
    """What stands there; None for nothing."""
    for key in place.split("."):
        parameters = parameters.get(key) if isinstance(parameters, Mapping) else None
    return parameters


def _training(section: Any, place: KeyPath) -> Iterator[Problem]:
    """What is wrong with the settings that all experts share, and with what differs for one."""
    if not isinstance(section, Mapping):
        yield from problems(DPOSettings, section, place)
        return
    yield from _misnamed(section, place)
    keys = keys_of(DPOSettings)
    shared = {name: section[name] for name in section if name in keys}
    known = problems(DPOSettings, shared, place)
    yield from known
    own = section.get("experts") or {}
    if not isinstance(own, Mapping):
        yield Problem((*place, "experts"), f"must be a section, not {own!r}.")
        return
    for name, changes in own.items():
        where = (*place, "experts", name)
        if name == LEVEL:
            yield Problem(where, "has no pairs: its settings are the section `level_training`.")
        elif name not in PAIR_BUILDERS:
            yield unknown(name, PAIR_BUILDERS, (*place, "experts"))
        elif not isinstance(changes, Mapping):
            yield Problem(where, f"must be a section, not {changes!r}.")
        else:
            found = problems(DPOSettings, merged(shared, changes), where)
            yield from _new(found, where, known, place)


def _misnamed(section: Mapping[str, Any], place: KeyPath) -> Iterator[Problem]:
    """Keys of the training that are no setting, and may be meant for one expert."""
    known = [*keys_of(DPOSettings), "experts"]
    for name in section:
        if name == LEVEL:
            yield Problem((*place, name), "does not exist: did you mean level_training?")
        elif name in PAIR_BUILDERS:
            yield Problem((*place, name), f"does not exist: did you mean experts.{name}?")
        elif name not in known:
            yield unknown(name, known, place)


def _of_rounds(parameters: Mapping[str, Any]) -> Iterator[Problem]:
    rounds = parameters.get("rounds")
    for name, changes in parameters.items():
        number = round_of(name)
        if number is None:
            continue
        if type(rounds) is int and number > rounds:
            yield Problem((name,), f"is none of the {rounds} rounds: raise `rounds`, or remove it.")
        elif not isinstance(changes, Mapping):
            yield Problem((name,), f"must be a section with stages in it, not {changes!r}.")
        else:
            for stage, over in changes.items():
                yield from _of_stage(parameters, name, stage, over)


def _of_stage(parameters: Mapping[str, Any], name: str, stage: str, over: Any) -> Iterator[Problem]:
    """What is wrong with a stage of one round, and not with the section it is laid over."""
    where = (name, stage)
    if stage not in STAGES:
        yield unknown(stage, STAGES, (name,))
        return
    base = parameters.get(stage)
    if not isinstance(over, Mapping):
        yield Problem(where, f"must be a section, not {over!r}.")
    elif isinstance(base, Mapping):
        both = merged(base, over)
        if stage == TRAINING:
            yield from _new(_training(both, where), where, _training(base, (stage,)), (stage,))
        else:
            kind = SECTIONS[stage]
            found, known = problems(kind, both, where), problems(kind, base, (stage,))
            yield from _new(found, where, known, (stage,))


def _new(
    found: Iterable[Problem], where: KeyPath, known: Iterable[Problem], base: KeyPath
) -> Iterator[Problem]:
    """Those of the problems found below `where` that are not there below `base` as well."""
    before = {(problem.place[len(base) :], problem.text) for problem in known}
    for problem in found:
        if (problem.place[len(where) :], problem.text) not in before:
            yield problem
