"""How varied texts are: within one text, in their vocabulary, and from image to image.

Knows text only. All figures are comparable between tables of different size.
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

# Drawn n-grams on which `distinct` counts vocabulary, and texts' likeness from which they are one.
_SAMPLE = 500
NEAR_DUPLICATE = 0.9
# Texts that are compared with each other.
_COMPARED = 10_000
_WORD = re.compile(r"\w+(?:['’]\w+)?")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return _WORD.findall(text.lower())


def repeated_share(words: Sequence[str], n: int = 3) -> float:
    """Share of word n-grams that occurred before in the same text, in [0, 1]; 0 for short texts."""
    grams = _grams(words, n)
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def distinct(texts: Sequence[Sequence[str]], n: int, sample: int = _SAMPLE) -> float:
    """Different word n-grams per n-gram, expected of a random draw of `sample` of them.

    Distinct-n (Li et al. 2016, arXiv 1510.03055) falls as texts are added, because words recur;
    of a draw of fixed size it does not. The expectation is Hurlbert's rarefaction (1971,
    https://doi.org/10.2307/1934145): an n-gram that occurs c times among N is missing from a draw
    of m with the probability C(N-c, m) / C(N, m).

    Args:
        texts: Words of each text.
        n: Length of the n-grams, in words.
        sample: Size of the draw; with no more n-grams than this, the plain distinct-n of all.

    Returns:
        A share in (0, 1]: 1 if nothing recurs. NaN if there are no n-grams.
    """
    from scipy.special import gammaln

    counts = np.array(list(Counter(gram for words in texts for gram in _grams(words, n)).values()))
    if not len(counts):
        return float("nan")
    total = int(counts.sum())
    if total <= sample:
        return len(counts) / total
    rest = total - counts
    drawable = rest >= sample
    log_missing = (
        gammaln(rest[drawable] + 1)
        - gammaln(rest[drawable] - sample + 1)
        - gammaln(total + 1)
        + gammaln(total - sample + 1)
    )
    return float((len(counts) - np.exp(log_missing).sum()) / sample)


def generic_share(texts: Sequence[str], copies: float = 0.05) -> float:
    """Share of texts that say nearly the same as the texts of many other images.

    Near-duplicates are texts with a cosine of at least 0.9 between their TF-IDF vectors of words
    and word pairs; case and punctuation do not count. A text is generic if its near-duplicates,
    itself included, are at least two and more than the share `copies` of all texts, so that the
    figure does not grow with the number of images, as a count of duplicates does.

    Every text is compared with every other: 4,000 different ones take half a second on one core.
    Of more than 10,000 texts as many are drawn, always the same ones of the same texts, so the
    share is off by less than 0.01.

    Args:
        texts: One text per image.
        copies: Share of all texts from which on a text is said of too many images.

    Returns:
        A share in [0, 1]; NaN for no texts.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import pairwise_distances_chunked

    if not texts:
        return float("nan")
    if len(texts) > _COMPARED:
        drawn = np.random.default_rng(0).choice(len(texts), _COMPARED, replace=False)
        ordered = sorted(texts)
        texts = [ordered[place] for place in drawn]
    counted = Counter(" ".join(words_of(text)) for text in texts)
    counts = np.array(list(counted.values()))
    vectors = TfidfVectorizer(analyzer=_words_and_pairs).fit_transform(counted)
    alike = pairwise_distances_chunked(
        vectors,
        metric="cosine",
        reduce_func=lambda distances, _: (distances <= 1 - NEAR_DUPLICATE) @ counts,
        working_memory=64,
    )
    near = np.maximum(np.concatenate(list(alike)), counts)
    return float(counts[near > max(1.0, copies * len(texts))].sum() / len(texts))


def _words_and_pairs(text: str) -> list[str]:
    words = text.split() or [""]
    return words + [" ".join(pair) for pair in _grams(words, 2)]


def _grams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]
