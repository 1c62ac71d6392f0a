import pytest
import tiny_vlm
from cards import policy_over

from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.policy import Policy


@pytest.fixture(scope="session", params=tiny_vlm.ARCHITECTURES)
def policy(request, tmp_path_factory) -> Policy:
    """The base policy of a tiny random model of each architecture."""
    folder = request.param(tmp_path_factory.mktemp("model"))
    return policy_over(folder)


@pytest.fixture(scope="session")
def vlm(policy):
    return load_vlm(policy)


@pytest.fixture(scope="session")
def images():
    return tiny_vlm.pictures(7)


class Read(dict):
    """Pictures that note which of them are taken."""

    def __init__(self, images):
        super().__init__(images)
        self.keys_read = []

    def __getitem__(self, key):
        self.keys_read.append(key)
        return super().__getitem__(key)


@pytest.fixture
def read(images):
    return Read(images)
