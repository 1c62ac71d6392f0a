"""Text from a loaded policy: continues the start of a response for many images.

Knows prompts, batches and texts; knows nothing of levels, pairs or gates.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch

from selfscore.vlm.batches import ShrinkingBatch, in_batches
from selfscore.vlm.options import Decoding
from selfscore.vlm.reading.features import ImageEncoder, image_token
from selfscore.vlm.reading.tokens import answer_ids, prompt_ids, start_ids
from selfscore.vlm.writing.token_loop import Continuation, Prefill

if TYPE_CHECKING:
    from selfscore.vlm.model import VLM


@dataclass(frozen=True)
class Request:
    """One text to write.

    Attributes:
        image: key into the image source.
        instruction: what is asked.
        response_start: forced start of the response, "" for none.
        seed: of this row's random stream; unused when greedy.
    """

    image: str
    instruction: str
    response_start: str = ""
    seed: int = 0


@dataclass(frozen=True)
class Response:
    """One text written.

    Attributes:
        text: the whole response (forced start and continuation), without special tokens.
        log_probability: of the whole response and the token that ends it, given image and
            instruction, in nats; None where it cannot be told from writing it: decoding at another
            temperature than 1, an answer cut short, or a text that reads as other tokens than
            those that were written.
    """

    text: str
    log_probability: float | None


def generate(
    encoder: ImageEncoder,
    requests: Sequence[Request],
    decoding: Decoding,
    description: str,
    checkpoint: MutableMapping[str, bytes] | None = None,
) -> list[Response]:
    """Write one response per request, with a progress bar named `description`.

    Requests about one image with one instruction share a prefill. The order of `requests` and the
    batch size do not change the texts.

    Args:
        encoder: the loaded policy and its images.
        requests: the texts to write, in any order.
        decoding: how.
        description: of the progress bar.
        checkpoint: texts of this policy that are written already, see `in_batches`.

    Returns:
        In the order of `requests`.
    """
    # Prompts of like length in one batch, and what shares a prompt side by side.
    order = sorted(
        range(len(requests)),
        key=lambda place: (
            encoder.length(requests[place].image),
            requests[place].image,
            requests[place].instruction,
        ),
    )
    fitting = ShrinkingBatch("data_generation.decoding.batch_size")

    def write(batch: Sequence[Request]) -> list[tuple[str, float | None]]:
        written = fitting.fit(partial(_write, encoder, decoding), batch, lambda row: row.image)
        return [(row.text, row.log_probability) for row in written]

    batches = in_batches(
        [requests[place] for place in order],
        decoding.batch_size,
        write,
        checkpoint,
        name="texts",
        description=description,
        unit=" texts",
        engine=encoder.vlm.engine,
    )
    responses = [Response(*row) for batch in batches for row in batch]
    found = dict(zip(order, responses, strict=True))
    return [found[place] for place in range(len(requests))]


@torch.inference_mode()
def _write(encoder: ImageEncoder, decoding: Decoding, batch: Sequence[Request]) -> list[Response]:
    """Responses to requests of which those that share a prompt stand side by side."""
    vlm = encoder.vlm
    asked = list(dict.fromkeys((row.image, row.instruction) for row in batch))
    features = encoder([image for image, _ in asked])
    prompts = {
        (row.placeholder, instruction): prompt_ids(vlm, row.placeholder, instruction)
        for (_, instruction), row in zip(asked, features, strict=True)
    }
    known_starts = {
        key: start_ids(vlm, *key)
        for key in {(row.instruction, row.response_start) for row in batch}
    }
    starts = [known_starts[row.instruction, row.response_start] for row in batch]
    number = {key: place for place, key in enumerate(asked)}
    continuations = Prefill(
        vlm,
        [
            prompts[row.placeholder, instruction]
            for (_, instruction), row in zip(asked, features, strict=True)
        ],
        features,
    ).write(
        [number[row.image, row.instruction] for row in batch],
        starts,
        [row.seed for row in batch],
        decoding,
    )
    return [
        _response(vlm, row, start, continuation, decoding)
        for row, start, continuation in zip(batch, starts, continuations, strict=True)
    ]


def response_text(vlm: VLM, request: Request, ids: Sequence[int]) -> str:
    """The whole response as text: its forced start and the tokens `ids` that were written."""
    added = vlm.tokenizer.decode(ids, skip_special_tokens=True)
    # Spelt out letter by letter it would read as an image, like the special tokens just skipped.
    return (request.response_start + added).replace(image_token(vlm), "").strip()


def _response(
    vlm: VLM,
    request: Request,
    start: Sequence[int],
    continuation: Continuation,
    decoding: Decoding,
) -> Response:
    text = response_text(vlm, request, continuation.ids)
    told = decoding.temperature == 1 and [*start, *continuation.ids] == answer_ids(
        vlm, request.instruction, text
    )
    return Response(text, continuation.log_probability if told else None)
