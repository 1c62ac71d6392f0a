"""A small real server that speaks just enough of OpenAI's chat completions, and can misbehave."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

LEVEL_OF = {"dreadful": 1, "fair": 5, "superb": 9}


@dataclass
class Request:
    """One request as it came in."""

    body: dict[str, Any]
    headers: Message
    time: float

    @property
    def prompt(self) -> str:
        """The whole text the model is shown."""
        (message,) = self.body["messages"]
        return message["content"]

    @property
    def explanation(self) -> str:
        """The text to be judged."""
        return self.prompt.partition("rating:\n")[2].rpartition("\n\nFrom")[0]


Reply = Callable[["Handler", Request], None]


class Handler(BaseHTTPRequestHandler):
    """Plays the server's next reply, or answers properly when none is left."""

    def do_POST(self) -> None:  # noqa: N802
        """Take one request."""
        server: Any = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = Request(body, self.headers, time.monotonic())
        chat: ChatServer = server.chat
        with chat.lock:
            chat.requests.append(request)
            reply = chat.replies.pop(0) if chat.replies else chat.otherwise
        reply(self, request)

    def send(
        self, status: int, body: bytes, kind: str = "application/json", **headers: str
    ) -> None:
        """Answer with these bytes."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""


def says(content: Any, finish_reason: Any = "stop", **changes: Any) -> Reply:
    """A chat completion with this answer; `changes` takes the place of parts of it."""
    completion = {
        "id": "x", "object": "chat.completion", "created": 0, "model": "m",
        "choices": [
            {
                "index": 0, "finish_reason": finish_reason,
                "message": {"role": "assistant", "content": content},
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107},
    }  # fmt: skip
    return sends(json.dumps(completion | changes).encode())


def judges(handler: Handler, request: Request) -> None:
    """The level that goes with the word in the text."""
    level = next(level for word, level in LEVEL_OF.items() if word in request.explanation)
    says(json.dumps({"level": level}))(handler, request)


def fails(status: int, **headers: str) -> Reply:
    """An error of this status, which repeats the credentials it was sent."""

    def reply(handler: Handler, request: Request) -> None:
        message = f"not for {request.headers['Authorization']}"
        handler.send(status, json.dumps({"error": {"message": message}}).encode(), **headers)

    return reply


def sends(body: bytes, kind: str = "application/json") -> Reply:
    """Status 200 and these bytes, whatever they are."""
    return lambda handler, request: handler.send(200, body, kind)


@dataclass
class ChatServer:
    """The server's script, and what it was asked."""

    base_url: str
    requests: list[Request] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    otherwise: Reply = judges
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: threading.Event = field(default_factory=threading.Event)

    def hangs(self, handler: Handler, request: Request) -> None:
        """No answer at all, until the test is over."""
        self.closing.wait()

    @property
    def asked(self) -> list[str]:
        """The texts of all requests, in their order."""
        return [request.explanation for request in self.requests]


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.chat = ChatServer(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server.chat
    server.chat.closing.set()
    server.shutdown()
    server.server_close()
    thread.join()
