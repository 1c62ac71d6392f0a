import pytest
import tiny_vlm
from cards import policy_over

from selfscore.vlm.policy import Policy


@pytest.fixture(scope="session", params=tiny_vlm.ARCHITECTURES)
def policy(request, tmp_path_factory) -> Policy:
    """The base policy of a tiny random model of each architecture."""
    folder = request.param(tmp_path_factory.mktemp("model"))
    return policy_over(folder)
