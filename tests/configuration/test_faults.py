"""A configuration that cannot be read: the sentence names the file and the place, and no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfscore.configuration.loader import ConfigurationError, LayoutConfigLoader
from selfscore.settings import CONFIG_LOADER_ARGS

# File, what stands in it, and what is said of it.
FAULTS = {
    "a bracket too few": ("parameters", "rounds: [1\nseed: 2\n", "line 2"),
    "a tab": ("parameters", "merging:\n\tdensity: 0.5\n", "cannot start any token (line 2)"),
    "a key twice": ("parameters", "seed: 1\nseed: 2\n", "found duplicate key seed (line 2)"),
    "two documents": ("parameters", "seed: 1\n---\nseed: 2\n", "another document"),
    "an object of Python": ("parameters", "seed: !!python/name:os.getcwd\n", "(line 1)"),
    "no text": ("parameters", b"seed: \xff\n", "can't decode"),
    "a list": ("parameters", "- seed\n- 1\n", "must hold names with values"),
    "a number": ("parameters", "5\n", "must hold names with values"),
    "itself": ("parameters", "seed: ${seed}\n", "seed in"),
    "what is not there": ("parameters", "merging:\n  density: ${nowhere}\n", "merging.density in"),
    "no resolver": ("parameters", "seed: ${nope:1}\n", "seed in"),
    "half an interpolation": ("parameters", "seed: ${\n", "seed in"),
    "a list for a section": ("parameters", "ingestion: [1]\n", "ingestion must be a section"),
    "a list below": ("parameters", "merging:\n  weights: [1]\n", "merging.weights must be a"),
    "a list of places": ("globals", "storage: [data]\n", "storage must be a section, not a list"),
    "a catalog that is a list": ("catalog", "- quarantine\n", "must hold names with values"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_file_and_the_place_are_named(trial_conf: Path, fault: str) -> None:
    kind, text, words = FAULTS[fault]
    file = trial_conf / "local" / f"{kind}.yml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as told:
        LayoutConfigLoader(str(trial_conf), env="local", **CONFIG_LOADER_ARGS)["catalog"]
    assert words in str(told.value)
    assert str(file) in str(told.value)
    assert str(told.value).count("\n") == 0


@pytest.mark.parametrize(
    "text",
    [
        "key: *sk-4711\n",
        "key: !sk-4711 x\n",
        "s3: [sk-4711\n",
        "key: ${sk-4711\n",
        "key: ${sk-4711}\n",
    ],
)
def test_nothing_of_the_credentials_is_shown(trial_conf: Path, text: str) -> None:
    file = trial_conf / "local" / "credentials.yml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as told:
        LayoutConfigLoader(str(trial_conf), env="local", **CONFIG_LOADER_ARGS)["credentials"]
    assert "sk-4711" not in str(told.value)
    assert str(file) in str(told.value)


@pytest.mark.parametrize("name", ["../conf", "..", ".", "base/../..", "/tmp"])
def test_an_environment_lies_below_the_configuration(trial_conf: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="no configuration environment"):
        LayoutConfigLoader(str(trial_conf), env=name, **CONFIG_LOADER_ARGS)
