import pytest

from selfscore.judging.address import server_of


@pytest.mark.parametrize(
    ("given", "server"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("HTTP://User:Secret@Host:8000/v1/", "http://host:8000/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://bücher.example/v1", "http://bücher.example/v1"),
    ],
)
def test_a_server_has_one_way_of_writing(given: str, server: str) -> None:
    assert server_of(given) == server


@pytest.mark.parametrize(
    "given",
    ["", "localhost:8000", "http://", "ftp://x/v1", "http://[::1/v1", "http://x:99999/v1",
     "http://a b/v1", "http://x/v1\n", "http://a..b/v1", "http://:8000/v1", "http://x:0/v1",
     "http://user:secret@/v1"],
)  # fmt: skip
def test_what_is_no_address_is_refused_and_not_shown(given: str) -> None:
    with pytest.raises(ValueError, match="`base_url` is no address") as refused:
        server_of(given)
    assert "secret" not in str(refused.value)
