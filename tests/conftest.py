"""Settings and inputs that many tests share."""

from __future__ import annotations

import os

# Before anything imports torch or the hub: few cores, and nothing is fetched.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("MPLBACKEND", "Agg")

import gc  # noqa: E402
import shutil  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from PIL import Image  # noqa: E402

if TYPE_CHECKING:
    from selfscore.vlm.policy import Policy

PROJECT = Path(__file__).parents[1]

# A busy machine makes no property false.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """What was imported stays: every training collects garbage, and need not look through it."""
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests go first, so that no worker is left alone with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def project() -> Path:
    """Root of the repository."""
    return PROJECT


@pytest.fixture(scope="session")
def idefics3(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """The base policy of one tiny model, for trainings that do not depend on the architecture."""
    from cards import policy_over
    from tiny_vlm import save_idefics3

    return policy_over(save_idefics3(tmp_path_factory.mktemp("model")))


@pytest.fixture(autouse=True)
def addresses_are_forgotten() -> Iterator[None]:
    """MLflow notes the addresses it is given in the environment, where later runs find them."""
    names = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
    before = {name: os.environ[name] for name in names if name in os.environ}
    yield
    for name in names:
        os.environ.pop(name, None)
    os.environ.update(before)


@pytest.fixture(autouse=True)
def layout_is_forgotten() -> Iterator[None]:
    """Rounds and experts that one test asks for are none of the next one's."""
    yield
    if configuration := sys.modules.get("selfscore.configuration.loader"):
        configuration.forget()


@pytest.fixture
def image_folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder with small images of the given names, every one of another colour."""

    def make(*names: str, folder: str = "images") -> Path:
        root = tmp_path / folder
        root.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(0)
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            colour = tuple(int(value) for value in random.integers(0, 255, 3))
            Image.new("RGB", (8, 6), colour).save(path)
        return root

    return make


@pytest.fixture(scope="session")
def copy_conf(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Copies the configuration so that results and tracked runs stay in the tests' folders."""
    tracked = tmp_path_factory.mktemp("tracked")

    def copy(place: Path) -> Path:
        conf = place / "conf"
        shutil.copytree(PROJECT / "conf", conf, ignore=shutil.ignore_patterns("local"))
        (conf / "local").mkdir()
        for file, old, new in (
            ("base/globals.yml", "  root: data", f"  root: {place}/data"),
            ("base/globals.yml", "  scratch: data", f"  scratch: {place}/data"),
            ("test/globals.yml", "  root: data/test", f"  root: {place}/data/test"),
            ("test/globals.yml", "  scratch: data/test", f"  scratch: {place}/data/test"),
            ("base/mlflow.yml", "sqlite:///mlflow.db", f"sqlite:///{tracked}/mlflow.db"),
            ("base/mlflow.yml", "artifact_location: null", f"artifact_location: {tracked}/files"),
        ):
            text = (conf / file).read_text()
            assert old in text, f"conf/{file} has no line '{old}'"
            (conf / file).write_text(text.replace(old, new, 1))
        return conf

    return copy


@pytest.fixture
def trial_conf(copy_conf: Callable[[Path], Path], tmp_path: Path) -> Path:
    """A copy of the configuration for one test."""
    return copy_conf(tmp_path)
