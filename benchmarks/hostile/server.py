"""A server on this machine that speaks OpenAI's chat completions, as oddly as it is told.

Knows HTTP; knows no judge and no level.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What the server sends.

    Attributes:
        body: of the answer.
        status: its HTTP status.
        headers: beside its type and length.
        wait: seconds before it is sent.
        length: that is announced; None: the true one.
        hangs_up: whether the connection is closed instead.
    """

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    length: int | None = None
    hangs_up: bool = False


# From what is asked, and how often it was asked before, to the reply; also the headers of the
# request, which an ill-mannered server repeats.
Answers = Callable[[str, int, Mapping[str, str]], Reply]


@dataclass(frozen=True)
class Script:
    """A server for one input.

    Attributes:
        answers: what it sends.
        settings: of the judge `openai`, beside the address.
    """

    answers: Answers
    settings: Mapping[str, Any] = field(default_factory=dict)

    @contextmanager
    def started(self) -> Iterator[dict[str, Any]]:
        """Answer in the background; gives the parameters that name the server."""
        asked: Counter[str] = Counter()
        over = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(handler) -> None:  # noqa: N802, N805
                request = json.loads(
                    handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
                )
                prompt = request["messages"][0]["content"]
                # Clients write the names of headers in any case.
                given = {name.title(): value for name, value in handler.headers.items()}
                reply = self.answers(prompt, asked[prompt], given)
                asked[prompt] += 1
                over.wait(reply.wait)
                handler.close_connection = True
                if reply.hangs_up:
                    return
                handler.send_response(reply.status)
                headers = {"Content-Type": "application/json", "Connection": "close"}
                length = len(reply.body) if reply.length is None else reply.length
                for name, value in {
                    **headers, "Content-Length": str(length), **reply.headers
                }.items():  # fmt: skip
                    handler.send_header(name, value)
                handler.end_headers()
                handler.wfile.write(reply.body)

            do_GET = do_POST  # noqa: N815

            def log_message(handler, *_arguments: object) -> None:  # noqa: N805
                """Nothing: the screen is the command's."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        hosted = {
            "model": "judge",
            "base_url": f"http://127.0.0.1:{server.server_address[1]}/v1",
            "api_key_env": None,
            "input_price": 0.0,
            "output_price": 0.0,
            "max_retries": 1,
            "concurrency": 4,
            "timeout": 20.0,
            **self.settings,
        }
        judging = {"judges": ["openai"], "sample_size": 4, "openai": hosted}
        try:
            yield {"evaluation": {"judging": judging}}
        finally:
            over.set()
            server.shutdown()
            server.server_close()
