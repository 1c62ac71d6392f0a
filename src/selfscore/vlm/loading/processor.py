"""The processor of a base model: its tokenizer, its template, and how it resizes pictures.

Pictures are prepared by Pillow wherever the architecture has such a processor. torchvision's, which
transformers takes where torchvision is installed, resizes a little differently, so the same
picture would have other features on another machine; and it lacks some of Pillow's filters, such as
the demo's.

Knows Hugging Face's Auto classes; knows no weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import AutoImageProcessor, AutoProcessor

if TYPE_CHECKING:
    from transformers import ProcessorMixin


def load_processor(
    model: str | Path, options: Mapping[str, Any] | None = None, **source: Any
) -> ProcessorMixin:
    """Load the processor of a model.

    Args:
        model: a folder, or a name on the hub.
        options: of the image processor that are to differ from the published ones.
        source: where it is loaded from, as `from_pretrained` takes it.

    Raises:
        ValueError: the image processor does not know an option.
    """
    options = dict(options or {})
    processor = AutoProcessor.from_pretrained(model, **options, **source)
    processor.image_processor = AutoImageProcessor.from_pretrained(
        model, backend="pil", **options, **source
    )
    # transformers ignores what an image processor does not know.
    unknown = [name for name in options if not hasattr(processor.image_processor, name)]
    if unknown:
        raise ValueError(
            f"{type(processor.image_processor).__name__} has no option '{unknown[0]}': correct "
            f"`model.processor`. It has: {', '.join(sorted(processor.image_processor.to_dict()))}."
        )
    return processor  # type: ignore[no-any-return]
