from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

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
        {"n_tokens": 3, "prompt_tokens": 5, "sort_keys": True},
        {"stopped": "KeyError: 'density'", "why": "unexpected token: x", "key": ""},
        {"auth_type": "none", "tokens_per_row": "4", "keyword": "x", "author": "me"},
        {"time": "2026-01-01T10:00:00", "ratio": "a:b", "mail": "me@host"},
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


KEY = "sk-A1b2/C3+d4=\"e5\\f6'g7"
PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----"

# Where a secret stands in what is written, and the secret.
PLANTED: list[tuple[object, str]] = [
    ({"password": 12345678}, "12345678"),
    ({"db": {"pwd": 4711.5}}, "4711.5"),
    ({"tokens": ["tok-one", "tok-two"]}, "tok-two"),
    ({"credentials": {"user": {"any": "deep-secret"}}}, "deep-secret"),
    ({"apiToken": "tok-camel"}, "tok-camel"),
    ({"auth": "plain-auth"}, "plain-auth"),
    ({"auth": ["me", "list-auth"]}, "list-auth"),
    ({"Authorization": "Bearer head-er"}, "head-er"),
    ({"OPENAI_KEY": "k-openai"}, "k-openai"),
    ({"signingKey": "k-sign"}, "k-sign"),
    ({"x-api-key": "k-header"}, "k-header"),
    ({"any": "postgresql://me:pw-url@db/x"}, "pw-url"),
    ({"any": "postgresql://me:p@w/url@db/x"}, "p@w/url"),
    ({"any": "me:pw-bare@db.host"}, "pw-bare"),
    ({"any": "host=db user=me password=pw-dsn"}, "pw-dsn"),
    ({"any": "AccountName=a;AccountKey=k-azure==;Suffix=x"}, "k-azure"),
    ({"any": "https://host/x?sig=s-query"}, "s-query"),
    ({"any": "called with {'api_key': 'k-repr', 'n': 1}"}, "k-repr"),
    ({"any": 'sent {\\"apiToken\\": \\"k-json\\"}'}, "k-json"),
    ({"any": "Authorization: Bearer tok-text"}, "tok-text"),
    ({"any": f"as it is: {KEY}"}, KEY),
    ({"any": "escaped: " + json.dumps({"k": KEY})}, json.dumps(KEY)[1:-1]),
    ({"any": "twice: " + json.dumps(json.dumps({"k": KEY}))}, json.dumps(json.dumps(KEY))[3:-3]),
    ({"any": f"quoted: {KEY!r} {quote(KEY, safe='')} {quote_plus(KEY)}"}, quote(KEY, safe="")),
    ({"any": f"broken: {PEM!r} {' '.join(PEM.splitlines())}"}, "MIIEvQIBADANBgkq"),
    ({f"called {KEY}": 1, "any": PEM.replace("\n", "")}, "hkiG9w0BAQEFAASC"),
]


def texts_of(value):
    if isinstance(value, dict):
        return [text for item in value.items() for part in item for text in texts_of(part)]
    if isinstance(value, list):
        return [text for one in value for text in texts_of(one)]
    return [str(value)]


@pytest.mark.parametrize(("record", "secret"), PLANTED, ids=range(len(PLANTED)))
def test_no_planted_secret_is_left(record, secret):
    assert any(secret in text for text in texts_of(record))
    redact = Redaction({"store": {"key": KEY, "pem": [PEM], "number": 987654}})
    written = json.dumps(redact(record))
    for form in (secret, json.dumps(secret)[1:-1], KEY, "MIIEvQIBADANBgkq"):
        assert form not in written and form not in written.replace("\\\\", "\\")


def test_a_number_of_the_credentials_is_found_where_it_stands_alone():
    redact = Redaction({"db": {"password": 987654}})
    assert redact(["pin 987654.", 987654, "1987654", 98765]) == [
        *(f"pin {REDACTED}.", REDACTED, "1987654", 98765)
    ]


@pytest.mark.parametrize("name", ["SOME_KEY", "someToken", "DATABASE_PASSWORD", "HF_AUTH"])
def test_variables_with_a_telling_name_are_secrets(monkeypatch, name):
    monkeypatch.setenv(name, "line-one\nline-two")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:pw%2Fdatabase@db/x")
    redact = Redaction()
    printed = "b'line-one\\nline-two' line-one line-two pw/database pw%2fdatabase"
    assert redact(printed) == " ".join(["b'" + REDACTED + "'", *[REDACTED] * 3])


def test_no_planted_secret_is_in_a_manifest_or_a_handoff(tiny, monkeypatch, caplog):
    from selfscore.handoff.create import create

    planted = {f"planted_{number}": record for number, (record, _) in enumerate(PLANTED)}
    monkeypatch.setenv("SOME_KEY", KEY)
    monkeypatch.setenv("PEM_KEY", PEM)
    tiny.run(planted=planted)
    [manifest] = tiny.manifests()
    assert manifest.parameters["planted"].keys() == planted.keys()
    create(tiny.opened(), tiny.manifests(), "iteration_1", tiny.root / "out", with_data=True)
    files = [*(tiny.root / "out").rglob("*"), *(tiny.root / "data/manifests").rglob("*")]
    texts = [file.read_bytes().decode("latin-1") for file in files if file.is_file()]
    for _, secret in PLANTED:
        for text in (*texts, caplog.text):
            assert secret not in text and json.dumps(secret)[1:-1] not in text
