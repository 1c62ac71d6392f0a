"""Which judges read the explanations, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from selfscore.configuration.settings_class import (
    Count,
    NotNegative,
    Positive,
    Whole,
    settings_class,
)
from selfscore.judging.address import server_of

JudgeName = Literal["tfidf", "self", "openai"]
Reading = Literal["channel", "direct"]


@settings_class
class FrozenModelSettings:
    """How the judge `self`, the base model without a picture, reads; see `FrozenModelJudge`.

    Attributes:
        reading: `channel`: how likely is the text after each score; `direct`: ask about the text.
        batch_size: rows in one forward pass; does not change the levels.
    """

    reading: Reading
    batch_size: Count


@settings_class
class HostedSettings:
    """Where the judge `openai` is, and what it may cost; see `OpenAIJudge`.

    What is None must be set when this judge is asked.

    Attributes:
        model: its name at the endpoint.
        base_url: the endpoint, up to `/v1`.
        api_key_env: name of the environment variable with the key; None: none is asked for.
        input_price: of a million tokens read, in any currency.
        output_price: of a million tokens written, in the same currency.
        max_cost: the most that one evaluation may cost, in that currency.
        max_tokens: the most that an answer may have.
        concurrency: requests under way at once.
        max_retries: of one request.
        timeout: seconds to wait for one answer.
    """

    model: str | None
    base_url: str | None
    api_key_env: str | None
    input_price: NotNegative | None
    output_price: NotNegative | None
    max_cost: NotNegative | None
    max_tokens: Count
    concurrency: Count
    max_retries: Whole
    timeout: Positive

    def __post_init__(self) -> None:
        if self.base_url is not None:
            server_of(self.base_url)


@settings_class
class JudgingSettings:
    """The section `evaluation.judging`.

    Attributes:
        judges: who reads, each once; the first one's readings are the policies' own figures.
        sample_size: images judged per split, the same ones for every policy; all if there are
            fewer.
        self: of the judge of that name.
        openai: of the judge of that name.
    """

    judges: Annotated[list[JudgeName], Field(min_length=1)]
    sample_size: Count
    self: FrozenModelSettings
    openai: HostedSettings

    def __post_init__(self) -> None:
        if len(set(self.judges)) < len(self.judges):
            raise ValueError("`judges` names one of them twice")
