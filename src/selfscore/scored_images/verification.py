"""Decoding every listed image once, several at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from selfscore.datasets.pixels import UnreadableImageError

if TYPE_CHECKING:
    from selfscore.datasets.images import ImageFolder

# Handed to the threads at a time, so that neither pixels nor pending work pile up.
_PORTION = 256


def verify_images(
    images: ImageFolder, paths: Sequence[str], threads: int
) -> Iterator[tuple[str, str]]:
    """Decode images, with a progress bar.

    Threads, because Pillow and hashlib let others run while they work.

    Args:
        images: The image folder.
        paths: Which of its images.
        threads: Number of images that are open at the same time, at least 1.

    Yields:
        sha256 of the file and "", or "" and the reason why it cannot be used, in the order of
        `paths`.

    Raises:
        ValueError: If `threads` is below 1.
    """
    from selfscore.running.bar import Bar

    if threads < 1:
        raise ValueError(f"`ingestion.threads` must be at least 1, not {threads}.")

    def verify(path: str) -> tuple[str, str]:
        try:
            return images.verify(path), ""
        except UnreadableImageError as error:
            return "", error.reason

    with (
        ThreadPoolExecutor(threads) as pool,
        Bar(total=len(paths), desc="Checking images", unit="image") as bar,
    ):
        for start in range(0, len(paths), _PORTION):
            for result in pool.map(verify, paths[start : start + _PORTION]):
                bar.update()
                yield result
