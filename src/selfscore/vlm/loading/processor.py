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
    published = AutoImageProcessor.from_pretrained(model, backend="pil", **source)
    # Looked at before they are used: transformers ignores what an image processor does not know,
    # and takes some names, which a policy from elsewhere may hold, for where and how to load.
    unknown = [name for name in options if name not in published.to_dict()]
    if unknown:
        raise ValueError(
            f"{type(published).__name__} has no option '{unknown[0]}': correct `model.processor`. "
            f"It has: {', '.join(sorted(published.to_dict()))}."
        )
    processor = AutoProcessor.from_pretrained(model, **options, **source)
    processor.image_processor = AutoImageProcessor.from_pretrained(
        model, backend="pil", **options, **source
    )
    return processor  # type: ignore[no-any-return]
