from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscore.provenance.redaction import REDACTED, Redaction

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
    max_leaves=10,
)


@given(JSON, st.text(st.characters(categories=["Lu", "Ll", "Nd"]), min_size=8, max_size=20))
def test_no_text_of_the_credentials_is_left(value, secret):
    secret = f"q{secret}"
    record = {"before": f"x{secret}y", secret: value, "deep": [{"a": [secret, value]}]}
    written = json.dumps(Redaction({"store": {"key": secret}})(record["deep"]))
    assert secret not in written
    assert secret not in Redaction({"any": [secret]})(record)["before"]


@pytest.mark.parametrize(
    "name", ["password", "api_key", "openai.api_key", "AWS_SECRET_ACCESS_KEY", "hf_token", "Secret"]
)
def test_a_telling_name_is_enough(name):
    assert Redaction()({name: "value"}) == {name: REDACTED}


@pytest.mark.parametrize(
    "record",
    [
        {"api_key_env": "OPENAI_API_KEY"},
        {"max_new_tokens": 64},
        {"token": 3},
        {"tokenizer": "a"},
        {"url": "https://host:80/path"},
        {"folder": "data/user@home"},
    ],
)
def test_what_is_no_secret_stays(record):
    assert Redaction({"store": {"region": "eu"}})(record) == record


def test_urls_lose_user_and_query():
    redact = Redaction()
    assert redact("postgresql://me:pw@db/x") == f"postgresql://{REDACTED}@db/x"
    assert redact("s3://b/k?X-Amz-Signature=abc") == f"s3://b/k?{REDACTED}"


def test_secrets_of_the_environment_are_known(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "sk-123456789")
    assert Redaction()(["called with sk-123456789"]) == [f"called with {REDACTED}"]
