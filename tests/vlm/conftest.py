import pytest
import tiny_vlm
from images import coloured_images

from selfscore.vlm.loading import load_vlm
from selfscore.vlm.policy import Policy


@pytest.fixture(scope="session", params=["idefics3", "llava"])
def policy(request, tmp_path_factory) -> Policy:
    """The base policy of a tiny random model of each architecture."""
    save = {"idefics3": tiny_vlm.save_idefics3, "llava": tiny_vlm.save_llava}[request.param]
    folder = save(tmp_path_factory.mktemp(request.param))
    return Policy({"base_model": {"id": str(folder), "revision": None}, "iteration": 0})


@pytest.fixture(scope="session")
def vlm(policy):
    return load_vlm(policy)


@pytest.fixture(scope="session")
def images():
    return coloured_images(7)
