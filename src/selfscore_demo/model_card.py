"""The demo model's card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selfscore_demo.pipelines.demo_model.settings import DemoModelSettings

_CARD = """---
license: cc-by-sa-4.0
pipeline_tag: image-text-to-text
tags: [idefics3, demo, image-quality]
---

# selfscore demo model

A very small vision-language model ({size:.1f} million parameters, Idefics3 architecture) that writes
short English about the visible quality of a picture and scores it from 0 (worst) to 9 (best), or on
another scale of up to {most_levels} levels that the prompt names. It exists to show self-improvement
on two processor cores. **It is a toy: do not rate pictures with it.**

It looks at a picture as one tile of 80 x 80 pixels (16 image tokens) and answers

    #Score: 6
    #Explanation: The picture is sharp. It is a bit pale. It is a good picture.

Asked `{question}`, where the braces hold one sentence about blur, noise, exposure,
contrast, colour or compression, it answers `yes` or `no`. {answers}

## What is simulated

- Its training texts were written by a program, not by people: {images} crops of freely licensed
  photographs and made-up pictures were given blur, noise, wrong exposure, weak contrast, faded
  colour and compression of known severity, and a set of sentences was filled in. The texts lean
  towards the score they explain, and are partly untrue on purpose.
- **Its taste is chosen to differ from the raters'.** When it scores freely it minds colour, exposure
  and contrast; the demo's simulated raters mind blur, noise and compression. What an iteration
  wins on the demo is therefore headroom that was put there.
- The photographs' scenes appear in no split of the demo images.

## Figures on the {test_images} test pictures of the demo

| | |
|---|---|
| rank correlation of the expected level with the raters' scores | {srcc_expected:.2f} |
| the same for ridge regression on its frozen image features | {srcc_ridge_on_features:.2f} |
| answers that keep the format, greedy / sampled | {valid_greedy:.3f} / {valid_sampled:.3f} |
| the same on scales of 5 / 20 / 100 levels, sampled | {valid_of_5_levels:.3f} / {valid_of_20_levels:.3f} / {valid_of_100_levels:.3f} |
| agreement of text and stated score (text-only judge), greedy / sampled | {consistency_greedy:.2f} / {consistency_sampled:.2f} |
| statements that are true of the picture, greedy / sampled | {faithfulness_greedy:.2f} / {faithfulness_sampled:.2f} |
| questions about a statement answered rightly (chance .5) | {questions_answered_rightly:.2f} |

## Making it again

`kedro run --pipelines=demo_model` (fixed seed {seed}). Photographs, authors and licences:
`data/01_raw/demo_photographs/SOURCES.csv`.
"""  # noqa: E501


# Of questions answered rightly; chance is .5.
_GUESSED = 0.55


def model_card(report: Mapping[str, Any], settings: DemoModelSettings) -> str:
    """Write the card.

    Args:
        report: The figures of :func:`selfscore_demo.report.measure`.
        settings: Of its training.

    Returns:
        Markdown with a YAML header.
    """
    figures = {name: value for name, value in report.items() if not isinstance(value, list)}
    guessed = report["questions_answered_rightly"] < _GUESSED
    return _CARD.format(
        answers="**It has not learnt this: its answers are no better than chance.**"
        if guessed
        else "How often rightly stands among the figures.",
        size=report["parameters_millions"],
        images=settings.images.count,
        seed=settings.seed,
        question=settings.question,
        most_levels=settings.language.most_levels,
        **figures,
    )
