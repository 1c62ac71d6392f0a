from __future__ import annotations

import http.client
import io
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from selfscore.local_page import server
from selfscore.scoring import ScoredImage, Scorer, web
from selfscore.scoring.web import UploadLimits, create_app

LIMITS = UploadLimits(max_bytes=50_000, max_pixels=10_000)


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


class Client:
    """Asks the server and reads the answer."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def score(self, body: Any, query: str = "", kind: str = "image/png") -> tuple[int, Any]:
        status, _, content = self("POST", f"/api/score{query}", body, Content_Type=kind)
        return status, json.loads(content)


@pytest.fixture(scope="module")
def client(scorer: Scorer, served: Any) -> Iterator[Client]:
    with served(create_app(scorer, limits=LIMITS)) as port:
        yield Client(port)


def test_an_upload_gets_the_score_that_the_api_gives(
    client: Client, scorer: Scorer, pictures: list[Image.Image]
) -> None:
    status, result = client.score(png(pictures[0]))
    expected = scorer.score(pictures[:1])[0].record()
    assert status == 200
    assert result.pop("probabilities") == pytest.approx(expected.pop("probabilities"), abs=1e-6)
    assert result.pop("score") == pytest.approx(expected.pop("score"), abs=1e-4)
    assert result == expected


def test_the_explanation_can_be_left_out(client: Client, pictures: list[Image.Image]) -> None:
    status, result = client.score(png(pictures[0]), "?explain=false")
    assert status == 200 and result["explanation"] is None


def test_the_page_may_only_load_what_it_holds(client: Client) -> None:
    status, headers, content = client("GET", "/")
    policy = headers["Content-Security-Policy"]
    nonce = policy.partition("script-src 'nonce-")[2].partition("'")[0]
    assert status == 200 and len(nonce) > 16
    assert f'<script nonce="{nonce}">' in content.decode()
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert client("GET", "/")[1]["Content-Security-Policy"] != policy


@pytest.mark.parametrize(
    ("body", "kind", "status", "message"),
    [
        (b"text", "text/plain", 415, "not an image"),
        (b"text", "image/png", 422, "cannot be read as an image"),
        (b"", "image/png", 422, "the file is empty"),
        (png(Image.new("RGB", (200, 200))), "image/png", 422, "more than 10000 pixels"),
        (png(Image.effect_noise((99, 99), 90))[:-2000], "image/png", 422, "damaged or cut off"),
        (bytes(50_001), "image/png", 413, "larger than"),
        (iter([bytes(30_000)] * 2), "image/png", 413, "larger than"),  # no length is announced
    ],
)
def test_what_cannot_be_scored_is_refused_with_a_message(
    client: Client, body: Any, kind: str, status: int, message: str
) -> None:
    found, answer = client.score(body, kind=kind)
    assert found == status
    assert message in answer["error"]


def form(*names: str, content: bytes) -> tuple[bytes, str]:
    """A form as curl sends it, and its type."""
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name in names
    ]
    return b"".join(parts) + b"--b--\r\n", "multipart/form-data; boundary=b"


def test_a_form_with_one_file_is_scored(client: Client, pictures: list[Image.Image]) -> None:
    body, kind = form("a.png", content=png(pictures[0]))
    status, result = client.score(body, kind=kind)
    assert status == 200
    assert result["score"] == client.score(png(pictures[0]))[1]["score"]


@pytest.mark.parametrize("names", [(), ("a.png", "b.png")])
def test_a_form_with_another_number_of_files_is_told(client: Client, names: tuple[str]) -> None:
    body, kind = form(*names, content=b"x")
    status, answer = client.score(body, kind=kind)
    assert status == 400 and f"{len(names)} files. Send one" in answer["error"]
    assert client.score(b"no form", kind="multipart/form-data; boundary=b")[0] == 400


@given(st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"\0", b"\xff", b"a"])).map(b"".join))
def test_the_file_of_a_form_comes_out_byte_by_byte(content: bytes) -> None:
    assume(b"--b" not in content)
    body, kind = form("a.jpg", content=content)
    assert web._file_of_form(kind, body) == content


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_another_sites_form_is_refused(
    client: Client, pictures: list[Image.Image], origin: str
) -> None:
    body, kind = form("a.png", content=png(pictures[0]))
    status, _, content = client("POST", "/api/score", body, Content_Type=kind, Origin=origin)
    assert status == 403 and b"error" in content


def test_what_the_model_refuses_is_told(scorer: Scorer, served: Any) -> None:
    class Refusing:
        origin = scorer.origin

        def score(self, images: Any, explain: bool) -> list[ScoredImage]:
            return [ScoredImage("image 1", scorer.origin, error="the model does not take it")]

    with served(create_app(Refusing())) as port:  # type: ignore[arg-type]
        status, answer = Client(port).score(png(Image.new("RGB", (1000, 3))))
    assert status == 422 and "the model does not take it" in answer["error"]


def test_a_full_house_says_so_in_json(
    scorer: Scorer, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "MOST_REQUESTS", 1)
    with served(create_app(scorer, limits=LIMITS)) as port:
        with closing(socket.create_connection(("127.0.0.1", port))) as slow:
            slow.sendall(UNFINISHED)
            until(lambda: Client(port).score(b"x")[0] == 503)
            status, answer = Client(port).score(b"x")
        assert status == 503 and "Try again" in answer["error"]
        until(lambda: Client(port).score(b"")[0] == 422)


UNFINISHED = (
    b"POST /api/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
    b"Content-Length: 1000\r\n\r\nabc"
)


def until(condition: Callable[[], bool]) -> None:
    """Wait at most ten seconds."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nHos"])
def test_a_connection_that_does_not_say_what_it_wants_is_closed(
    client: Client, start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_TIMEOUT", 0.3)
    with closing(socket.create_connection(("127.0.0.1", client.port), timeout=5)) as slow:
        slow.sendall(start)
        assert slow.recv(10) == b"", "closed by the server"


def test_many_slow_connections_keep_nobody_out(client: Client) -> None:
    with ExitStack() as slow:
        for _ in range(40):
            address = ("127.0.0.1", client.port)
            opened = slow.enter_context(closing(socket.create_connection(address, timeout=5)))
            opened.sendall(b"GET / HTTP/1.1\r\nHos")
        assert client.score(b"")[0] == 422


def test_a_file_that_arrives_too_slowly_is_refused(scorer: Scorer, served: Any) -> None:
    limits = UploadLimits(seconds=0.3)
    with (
        served(create_app(scorer, limits=limits)) as port,
        closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as slow,
    ):
        slow.sendall(UNFINISHED)
        assert b" 408 " in slow.recv(1000)


def test_a_client_that_goes_away_leaves_no_traceback(
    client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Uvicorn's loggers hand nothing on.
    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "handlers", [caplog.handler])
    for sent in (UNFINISHED, UNFINISHED[:40]):
        with closing(socket.create_connection(("127.0.0.1", client.port))) as gone:
            gone.sendall(sent)
            time.sleep(0.2)
    time.sleep(0.3)
    assert client.score(b"")[0] == 422
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_another_sites_name_for_this_machine_is_refused(client: Client) -> None:
    status, _, content = client("GET", "/", Host="evil.example:80")
    assert status == 400 and b"error" in content
    assert client("GET", "/", Host="localhost:1234")[0] == 200


def test_another_sites_page_may_not_send_images(client: Client) -> None:
    status, headers, _ = client(
        "OPTIONS",
        "/api/score",
        Origin="http://evil.example",
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="content-type",
    )
    assert status == 403 and "Access-Control-Allow-Origin" not in headers


def test_an_unknown_address_is_an_error_in_json(client: Client) -> None:
    status, _, content = client("GET", "/docs")
    assert status == 404 and json.loads(content) == {"error": "Not Found"}


def test_uploads_are_scored_one_at_a_time(
    scorer: Scorer, served: Any, pictures: list[Image.Image]
) -> None:
    class Watched:
        origin = scorer.origin
        busy = threading.Lock()

        def score(self, images: Any, explain: bool) -> Any:
            assert self.busy.acquire(blocking=False), "two uploads were scored at once"
            try:
                return scorer.score(images, explain)
            finally:
                self.busy.release()

    with served(create_app(Watched())) as port, ThreadPoolExecutor(8) as pool:  # type: ignore[arg-type]
        uploads = [png(picture) for picture in pictures[:8]]
        answers = list(pool.map(Client(port).score, uploads))
    assert [status for status, _ in answers] == [200] * 8
    assert len({result["score"] for _, result in answers}) == 8


def test_a_failure_of_the_model_is_told(
    scorer: Scorer, served: Any, pictures: list[Image.Image]
) -> None:
    class Failing:
        origin = scorer.origin

        def score(self, images: Any, explain: bool) -> Any:
            raise RuntimeError("out of memory")

    with served(create_app(Failing())) as port:  # type: ignore[arg-type]
        status, answer = Client(port).score(png(pictures[0]))
    assert status == 500 and "terminal" in answer["error"]
