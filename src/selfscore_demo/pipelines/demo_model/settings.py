"""Settings of the demo's model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from selfscore.configuration.settings_class import Count, Positive, Share, Whole, settings_class


@settings_class
class LessonImages:
    """The section `demo_model.images`.

    Attributes:
        count: images to learn from.
        stored_size: side at which they would be stored, in pixels.
        procedural_share: share of made-up pictures among the photographs' crops.
        jpeg_quality: of the storage, as Pillow counts it.
    """

    count: Count
    stored_size: Count
    procedural_share: Share
    jpeg_quality: Annotated[int, Field(ge=1, le=100)]


@settings_class
class VisionStage:
    """The section `demo_model.vision`: the tower learns to see faults.

    Attributes:
        steps: of the optimizer.
        batch_size: images a step.
        lr: peak learning rate.
    """

    steps: Count
    batch_size: Count
    lr: Positive


@settings_class
class LanguageStage:
    """The section `demo_model.language`: connector and language model learn to answer.

    Attributes:
        steps: of the optimizer.
        batch_size: images a step, with several answers each.
        lr: peak learning rate.
        justify_share: share of the steps that explain a given score.
        question_share: share of the steps that say whether statements are true of the picture.
        own_scale_share: share of the other steps that are on the demo's own scale.
        most_levels: of the scales of all other steps; the fewest are 2.
    """

    steps: Count
    batch_size: Count
    lr: Positive
    justify_share: Share
    question_share: Share
    own_scale_share: Share
    most_levels: Annotated[int, Field(ge=2, le=100)]

    def __post_init__(self) -> None:
        if self.justify_share + self.question_share > 1:
            raise ValueError(
                f"`justify_share` {self.justify_share} and `question_share` {self.question_share} "
                "are more than all steps: make one smaller."
            )


@settings_class
class ReportSettings:
    """The section `demo_model.report`: pictures of each split that the figures come from."""

    images_per_split: Count


@settings_class
class DemoModelSettings:
    """The section `demo_model`.

    Attributes:
        seed: of all draws.
        threads: of PyTorch.
        levels: of the demo's own scale.
        question: asks whether a statement is true; holds the placeholder ``{statement}``.
        vocabulary: tokens of its tokenizer.
        images: what it learns from.
        vision: stage 1.
        language: stage 2.
        report: its figures.
    """

    seed: Whole
    threads: Count
    levels: Annotated[int, Field(ge=2, le=10)]
    question: Annotated[str, Field(pattern=r"\{statement\}")]
    vocabulary: Count
    images: LessonImages
    vision: VisionStage
    language: LanguageStage
    report: ReportSettings
