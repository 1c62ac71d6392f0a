from __future__ import annotations

import pytest

from selfscore.running.keys import read_key


@pytest.mark.parametrize("key", ["sk-123", " sk-123\n", "sk-123\r\n"])
def test_a_key_is_read_without_space_around_it(monkeypatch, key):
    monkeypatch.setenv("A_KEY", key)
    assert read_key("A_KEY") == "sk-123"


@pytest.mark.parametrize("key", [None, "", " \n"])
def test_no_key_is_none(monkeypatch, key):
    if key is not None:
        monkeypatch.setenv("A_KEY", key)
    assert read_key("A_KEY") is None


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("sk-A\nsk-B", "has a line break"),
        ("sk-A\rsk-B", "has a line break"),
        ("sk-A\u2028sk-B", "has a line break"),
        ("sk-A\u200bB", "has a character that is no ASCII"),
        ("\u201csk-AB\u201d", "has a character that is no ASCII"),
        ("sk-A\tB", "has a character that cannot be printed"),
    ],
)
def test_what_cannot_be_a_key_is_said_and_never_printed(monkeypatch, key, said):
    monkeypatch.setenv("A_KEY", key)
    with pytest.raises(ValueError, match=f"variable A_KEY {said}: set it again") as caught:
        read_key("A_KEY")
    assert "sk-A" not in str(caught.value)


@pytest.mark.parametrize("name", ["MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD"])
def test_keys_of_the_tracking_server_are_looked_at_before_they_are_sent(monkeypatch, name):
    from selfscore.tracking import server

    monkeypatch.setenv(name, "first\nsecond")
    with pytest.raises(ValueError, match=f"{name} has a line break"):
        server.check_keys()
