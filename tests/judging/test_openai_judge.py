"""The hosted judge against a real server on loopback that misbehaves on request."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import fsspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscore.datasets.verdicts import VerdictLog
from selfscore.judging.openai_judge import GIVE_UP_AFTER, OpenAIJudge, parse_verdict

from .conftest import fails, says, sends

KEY = "sk-a-secret-that-nobody-may-read"
SETTINGS: dict[str, Any] = {
    "model": "m",
    "n_levels": 10,
    "api_key_env": "JUDGE_KEY",
    "input_price": 0.0,
    "output_price": 0.0,
    "max_cost": 0.0,
    "max_tokens": 32,
    "concurrency": 1,
    "max_retries": 2,
    "timeout": 5.0,
}


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", KEY)


@pytest.fixture
def verdicts() -> dict[str, dict[str, Any]]:
    return {}


@pytest.fixture
def make(chat_server, verdicts):
    """Makes a judge at the test's server."""

    def make(**settings: Any) -> OpenAIJudge:
        given = {"verdicts": verdicts, "base_url": chat_server.base_url, **SETTINGS, **settings}
        return OpenAIJudge(**given)

    return make


def texts(n: int) -> list[str]:
    """Different texts, free of digits and number words."""
    return [f"A fair picture of thing{chr(97 + i // 26)}{chr(97 + i % 26)}." for i in range(n)]


def test_levels_come_back_in_order_and_equal_texts_are_asked_once(make, chat_server) -> None:
    read = ["A superb sky.", "A dreadful sky.", "A superb sky.", "A fair sky."]
    levels = make(concurrency=4).infer_levels(read)
    np.testing.assert_array_equal(levels, [9, 1, 9, 5])
    assert sorted(chat_server.asked) == sorted(set(read))


def test_the_request_asks_for_one_level_and_shows_the_explanation_only(make, chat_server) -> None:
    make().infer_levels(["A superb sky. Score: 8, I scored it eight."])
    (request,) = chat_server.requests
    assert request.explanation == "A superb sky. : , I it ."
    assert request.body["model"] == "m" and request.body["temperature"] == 0
    asked_for = request.body["response_format"]["json_schema"]
    assert asked_for["strict"] is True
    assert asked_for["schema"] == {
        "type": "object",
        "properties": {"level": {"type": "integer", "enum": list(range(10))}},
        "required": ["level"],
        "additionalProperties": False,
    }
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in json.dumps(request.body)


def test_a_text_without_words_is_not_asked(make, chat_server) -> None:
    levels = make().infer_levels(["", "9!", "A fair sky."])
    np.testing.assert_array_equal(levels, [np.nan, np.nan, 5])
    assert len(chat_server.requests) == 1
    assert make().infer_levels([]).shape == (0,)


def test_what_was_judged_is_not_asked_again(make, chat_server, verdicts) -> None:
    make().infer_levels(["A superb sky."])
    np.testing.assert_array_equal(make().infer_levels(["A superb sky.", "A fair sky."]), [9, 5])
    assert chat_server.asked == ["A superb sky.", "A fair sky."]
    # Nothing to ask: neither a key nor a server is needed.
    judge = make(api_key_env="NO_SUCH_VARIABLE", max_cost=-1.0)
    np.testing.assert_array_equal(judge.infer_levels(["A fair sky."]), [5])
    # Another model or another scale is another judge.
    make(model="other").infer_levels(["A fair sky."])
    make(n_levels=7).infer_levels(["A fair sky."])
    make(max_tokens=64).infer_levels(["A fair sky."])
    assert len(chat_server.requests) == 5 and len(verdicts) == 5


def test_retry_after_is_waited_for(make, chat_server) -> None:
    chat_server.replies = [fails(429, Retry_After="2")]
    np.testing.assert_array_equal(make().infer_levels(["A fair sky."]), [5])
    first, second = chat_server.requests
    # Left to itself the client would try again after at most half a second.
    assert second.time - first.time >= 2.0


def test_server_errors_are_tried_again_later_each_time(make, chat_server) -> None:
    chat_server.replies = [fails(500), fails(503)]
    np.testing.assert_array_equal(make().infer_levels(["A fair sky."]), [5])
    first, second, third = chat_server.requests
    # Half a second, then one, each less up to a quarter.
    assert second.time - first.time >= 0.375
    assert third.time - second.time >= 0.75


def test_a_hanging_request_times_out_and_is_tried_again(make, chat_server) -> None:
    chat_server.replies = [chat_server.hangs]
    np.testing.assert_array_equal(make(timeout=0.5).infer_levels(["A fair sky."]), [5])
    assert len(chat_server.requests) == 2


def test_one_text_that_keeps_failing_is_left_unscored_and_asked_again_next_time(
    make, chat_server, verdicts, caplog
) -> None:
    chat_server.replies = [fails(500)]
    with caplog.at_level(logging.WARNING):
        levels = make(max_retries=0).infer_levels(["A dreadful sky.", "A fair sky."])
    np.testing.assert_array_equal(levels, [np.nan, 5])
    assert "1 explanations are left unscored" in caplog.text and len(verdicts) == 1
    np.testing.assert_array_equal(make().infer_levels(["A dreadful sky.", "A fair sky."]), [1, 5])
    assert chat_server.asked == ["A dreadful sky.", "A fair sky.", "A dreadful sky."]


@pytest.mark.parametrize(
    "answer",
    [
        "I would say 7.", '{"level": 7', "", None, '{"level": 10}', '{"level": -1}',
        '{"level": "7"}', '{"level": 7.0}', '{"level": true}', '{"level": 7, "why": "sharp"}',
        "7", "[7]", '```json\n{"level": 7}\n```', '{"level": ' + 5000 * "7" + "}", 100_000 * "[",
        "\ud800", {"level": 7}, [], [7], [{"type": "thinking", "thinking": '{"level": 7}'}],
        [{"type": "text", "text": None}],
    ],
)  # fmt: skip
def test_an_answer_out_of_the_schema_is_no_verdict_and_asked_for_again(
    make, chat_server, verdicts, caplog, answer
) -> None:
    chat_server.replies = [says(answer)]
    levels = make().infer_levels(["A fair sky.", "A superb sky."])
    np.testing.assert_array_equal(levels, [np.nan, 9])
    assert "1 of 2 answers of 'm' are not the JSON asked for" in caplog.text
    assert [verdict["level"] for verdict in verdicts.values()] == [9]
    # A server that was mended meanwhile.
    np.testing.assert_array_equal(make().infer_levels(["A fair sky.", "A superb sky."]), [5, 9])
    assert chat_server.asked == ["A fair sky.", "A superb sky.", "A fair sky."]


def test_text_in_parts_is_put_together(make, chat_server) -> None:
    parts = [{"type": "text", "text": '{"level":'}, {"type": "text", "text": " 7}"}]
    chat_server.replies = [says([{"type": "thinking", "thinking": "Hm."}, *parts])]
    np.testing.assert_array_equal(make().infer_levels(["A fair sky."]), [7])


@pytest.mark.parametrize(
    "choice",
    [
        {"index": 0, "finish_reason": "stop", "message": None},
        {"index": 0, "finish_reason": "stop"},
        {"index": 0, "message": "7"},
        {"message": {"role": "assistant"}},
        {},
        None,
        "7",
    ],
)
def test_a_choice_without_an_answer_is_left_unscored_and_counted(
    make, chat_server, verdicts, caplog, choice
) -> None:
    chat_server.replies = [says(None, choices=[choice])]
    levels = make().infer_levels(["A fair sky.", "A superb sky."])
    np.testing.assert_array_equal(levels, [np.nan, 9])
    assert "1 of 2 answers" in caplog.text and len(verdicts) == 1


@pytest.mark.parametrize(
    "usage",
    [
        None, {}, 107, [], {"prompt_tokens": None, "completion_tokens": None},
        {"prompt_tokens": "100", "completion_tokens": -7}, {"prompt_tokens": 100},
    ],
)  # fmt: skip
def test_what_the_server_does_not_tell_of_its_tokens_costs_no_verdict(
    make, chat_server, verdicts, caplog, usage
) -> None:
    chat_server.replies = [says('{"level": 3}', usage=usage)]
    with caplog.at_level(logging.INFO):
        levels = make(input_price=1e4, max_cost=1e9).infer_levels(["A fair sky.", "A superb sky."])
    np.testing.assert_array_equal(levels, [3, 9])
    assert "without 1 answers whose tokens the server does not tell" in caplog.text
    assert len(verdicts) == 2


def test_a_model_whose_thoughts_take_all_tokens_is_told_apart(
    make, chat_server, verdicts, caplog
) -> None:
    chat_server.otherwise = says(None, finish_reason="length")
    levels = make(max_tokens=100).infer_levels(["A fair sky.", "A superb sky."])
    assert np.isnan(levels).all() and not verdicts
    assert "2 of 2 answers of 'm' were cut off after 100 tokens" in caplog.text
    assert "raise `max_tokens`" in caplog.text and "response_format" not in caplog.text
    chat_server.otherwise = says('{"level": 7}')
    np.testing.assert_array_equal(make(max_tokens=4000).infer_levels(["A fair sky."]), [7])
    assert [request.body["max_tokens"] for request in chat_server.requests] == [100, 100, 4000]


def test_what_an_answer_may_have_is_in_the_estimate(make) -> None:
    dear = {"input_price": 0.0, "output_price": 1e6}
    assert make(**dear, max_tokens=4000).estimated_cost(["A fair sky."]) == 4000


def error(**told: Any):
    """Status 200, and an error in the body."""
    return sends(json.dumps({"error": {"message": "Too many cooks.", **told}}).encode())


@pytest.mark.parametrize(
    "reply",
    [
        error(code=429), error(code="503"), error(type="overloaded_error"), error(status=500),
        error(code="rate_limit_exceeded"), error(type="server_error", code=None),
        says(None, choices=[{"finish_reason": "error", "error": {"code": 502, "message": "No."}}]),
    ],
)  # fmt: skip
def test_an_error_under_status_200_is_tried_again_where_it_will_pass(
    make, chat_server, caplog, reply
) -> None:
    chat_server.replies = [reply]
    np.testing.assert_array_equal(make().infer_levels(["A fair sky."]), [5])
    assert len(chat_server.requests) == 2 and "unscored" not in caplog.text


@pytest.mark.parametrize(
    "reply",
    [
        error(), error(code=400), error(code=10_000), error(code=True), error(code=[429]),
        sends(b'{"error": "Too many cooks."}'),
        sends(b'{"detail": "Too many cooks."}'),
        sends(b'{"object": "error", "message": "Too many cooks.", "code": 40303}'),
        says(None, choices=[{"error": {"message": "Too many cooks."}}]),
    ],
)  # fmt: skip
def test_another_error_under_status_200_is_shown_in_the_servers_words(
    make, chat_server, verdicts, caplog, reply
) -> None:
    chat_server.replies = [reply]
    levels = make().infer_levels(["A fair sky.", "A superb sky."])
    np.testing.assert_array_equal(levels, [np.nan, 9])
    assert len(chat_server.requests) == 2 and len(verdicts) == 1
    assert "kept failing" in caplog.text and "Too many cooks" in caplog.text


def test_a_key_refused_under_status_200_stops_at_once(make, chat_server) -> None:
    chat_server.otherwise = error(code=401)
    with pytest.raises(RuntimeError, match="Too many cooks.*Check the key in JUDGE_KEY"):
        make().infer_levels(texts(200))
    assert len(chat_server.requests) < 100


@pytest.mark.parametrize(
    "reply",
    [
        sends(b'{"id": "x", "choices": [{"ind'),
        sends(b"<html>Sign in</html>", "text/html"),
        sends(b"{}"),
        sends(b'{"choices": []}'),
        sends(b"\xff\xfe"),
        sends(b"null"),
        sends(b'"7"'),
        sends(b'{"choices": {"0": 7}}'),
        sends(b"[" * 100_000),
    ],
)
def test_a_body_that_is_no_completion_is_no_verdict(make, chat_server, verdicts, reply) -> None:
    chat_server.replies = [reply]
    levels = make(max_retries=0).infer_levels(["A dreadful sky.", "A fair sky."])
    np.testing.assert_array_equal(levels, [np.nan, 5])
    assert len(verdicts) == 1


def test_answers_of_one_server_are_not_taken_for_anothers(make, chat_server, verdicts) -> None:
    """Same name of the model, other weights behind it."""
    there = chat_server.base_url
    elsewhere = there.replace("127.0.0.1", "localhost")
    make().infer_levels(["A fair sky."])
    chat_server.otherwise = says('{"level": 2}')
    np.testing.assert_array_equal(make(base_url=elsewhere).infer_levels(["A fair sky."]), [2])
    np.testing.assert_array_equal(make().infer_levels(["A fair sky."]), [5])
    same = there.replace("http://", "HTTP://name:password@") + "/"
    np.testing.assert_array_equal(make(base_url=same).infer_levels(["A fair sky."]), [5])
    assert len(chat_server.requests) == 2
    assert {verdict["base_url"] for verdict in verdicts.values()} == {there, elsewhere}
    assert "password" not in repr(verdicts)


def test_a_verdict_that_does_not_say_its_server_is_not_used(
    make, chat_server, verdicts, caplog
) -> None:
    old = hashlib.sha256(b"what an earlier release made of model, prompt and text").hexdigest()
    verdicts[old] = {"model": "m", "level": 1, "answer": '{"level": 1}'}
    with caplog.at_level(logging.INFO):
        np.testing.assert_array_equal(make().infer_levels(["A fair sky."]), [5])
    assert "1 verdicts of an earlier release" in caplog.text


@given(st.text() | st.integers().map(lambda level: json.dumps({"level": level})))
def test_only_a_level_of_the_scale_is_read(answer: str) -> None:
    level = parse_verdict(answer, 10)
    assert level is None or (level in range(10) and json.loads(answer) == {"level": level})


def test_a_closed_port_stops_the_run_with_one_message(make) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    with pytest.raises(RuntimeError, match="that a server answers there") as stopped:
        make(base_url=url, max_retries=1).infer_levels(["A fair sky.", "A superb sky."])
    assert url in str(stopped.value)


@pytest.mark.parametrize(
    ("status", "remedy"), [(401, "Check the key in JUDGE_KEY"), (404, "usually ends in /v1")]
)
def test_a_refused_key_or_unknown_model_stops_at_once_without_showing_the_key(
    make, chat_server, caplog, status, remedy
) -> None:
    chat_server.otherwise = fails(status)
    with caplog.at_level(logging.DEBUG), pytest.raises(RuntimeError, match=remedy) as stopped:
        make().infer_levels(texts(200))
    # The server repeated the key in its message.
    assert "not for Bearer ***" in str(stopped.value)
    assert stopped.value.__suppress_context__
    assert KEY not in str(stopped.value) and KEY not in repr(make())
    assert KEY not in caplog.text
    # The first answer stops it; some requests may have been under way by then.
    assert len(chat_server.requests) < 100


@pytest.mark.parametrize("before", range(240, 300, 7))
def test_no_part_of_the_key_is_left_where_a_long_message_is_cut(make, chat_server, before) -> None:
    chat_server.otherwise = sends((before * "x" + KEY).encode())
    with pytest.raises(RuntimeError) as stopped:
        make().infer_levels(["A fair sky."])
    assert KEY[:6] not in str(stopped.value)


def test_failures_in_a_row_stop_the_run_and_keep_what_was_judged(
    make, chat_server, verdicts
) -> None:
    chat_server.replies = [chat_server.otherwise] * 3
    chat_server.otherwise = fails(400)
    with pytest.raises(RuntimeError, match="3 new verdicts are kept"):
        make().infer_levels(texts(200))
    assert len(verdicts) == 3
    assert 3 + GIVE_UP_AFTER <= len(chat_server.requests) < 100


def test_a_key_that_cannot_be_one_is_said_and_not_printed(make, monkeypatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", "sk-first\nsk-second")
    with pytest.raises(ValueError, match="JUDGE_KEY has a line break") as caught:
        make().infer_levels(["A fair sky."])
    assert "sk-" not in str(caught.value)


def test_a_missing_key_is_named_and_nothing_is_asked(make, chat_server, monkeypatch) -> None:
    monkeypatch.delenv("JUDGE_KEY")
    with pytest.raises(ValueError, match="environment variable JUDGE_KEY"):
        make().infer_levels(["A fair sky."])
    assert not chat_server.requests
    make(api_key_env=None).infer_levels(["A fair sky."])
    assert chat_server.requests[0].headers["Authorization"] == "Bearer none"


def test_cost_is_said_before_and_refused_above_the_limit(make, chat_server, caplog) -> None:
    judge = make(input_price=1000.0, output_price=2000.0, max_cost=1.0)
    cost = judge.estimated_cost(texts(30))
    assert cost == pytest.approx(30 * judge.estimated_cost(texts(1)))
    # The estimate covers what the server says was used: 7 tokens written, the prompt read.
    assert judge.estimated_cost(["x"]) > 7 * 2000 / 1e6 + len(judge._prompt("x")) / 4 * 1000 / 1e6
    with pytest.raises(ValueError, match=rf"{cost:.4f}, above `max_cost` 1\.0000"):
        judge.infer_levels(texts(30))
    assert not chat_server.requests

    with caplog.at_level(logging.INFO):
        make(input_price=1000.0, output_price=2000.0, max_cost=cost + 0.01).infer_levels(texts(30))
    assert f"estimated cost {cost:.4f}" in caplog.text
    assert f"cost {30 * (100 * 1000 + 7 * 2000) / 1e6:.4f}." in caplog.text
    # All judged: nothing left to pay for.
    judge.infer_levels(texts(30))
    assert len(chat_server.requests) == 30


@pytest.mark.parametrize("setting", ["model", "base_url", "input_price", "output_price"])
def test_a_setting_that_is_not_given_is_named(make, setting) -> None:
    with pytest.raises(ValueError, match=f"no `{setting}`"):
        make(**{setting: None})


def test_no_more_requests_at_once_than_allowed(make, chat_server) -> None:
    judges, open_now, most = chat_server.otherwise, 0, 0

    def counts(handler, request) -> None:
        nonlocal open_now, most
        with chat_server.lock:
            open_now += 1
            most = max(most, open_now)
        time.sleep(0.02)
        with chat_server.lock:
            open_now -= 1
        judges(handler, request)

    chat_server.otherwise = counts
    make(concurrency=3).infer_levels(texts(24))
    assert 2 <= most <= 3


SCRIPT = """
import json, sys
import fsspec
from selfscore.datasets.verdicts import VerdictLog
from selfscore.judging.openai_judge import OpenAIJudge

settings, path, texts = json.load(sys.stdin)
judge = OpenAIJudge(verdicts=VerdictLog(fsspec.filesystem("file"), path), **settings)
print(json.dumps(judge.infer_levels(texts).tolist()))
"""


def test_a_killed_run_goes_on_where_it_was(chat_server, tmp_path) -> None:
    path, read = str(tmp_path / "verdicts.jsonl"), texts(12)
    settings = {**SETTINGS, "base_url": chat_server.base_url, "timeout": 60.0}
    job = json.dumps([settings, path, read])
    judges = chat_server.otherwise
    chat_server.replies = [judges] * 5
    chat_server.otherwise = chat_server.hangs

    def stored() -> VerdictLog:
        return VerdictLog(fsspec.filesystem("file"), path)

    first = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdin is not None
    first.stdin.write(job)
    first.stdin.close()
    try:
        while len(stored()) < 5:
            assert first.poll() is None, "the run ended before it could be killed"
            time.sleep(0.02)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert len(stored()) == 5

    chat_server.requests.clear()
    chat_server.otherwise = judges
    again = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=job, capture_output=True, text=True, check=True, env=os.environ,
    )  # fmt: skip
    assert json.loads(again.stdout) == [5.0] * 12
    assert sorted(chat_server.asked) == sorted(read[5:])
    assert len(stored()) == 12
