"""The hosted judge against a real inference server: transformers' own, with the demo model.

The demo model is far too small to answer in JSON, and this server passes over `response_format`;
so what is tested is the way there and back, and that such answers are left unscored.
"""

from __future__ import annotations

import logging
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfscore.judging.openai_judge import OpenAIJudge

START_S = 120


@pytest.fixture(scope="module")
def endpoint(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A running server's address, and the model it serves."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    model = str((project / "data/06_models/demo_model").resolve())
    log = tmp_path_factory.mktemp("served") / "log.txt"
    command = [str(Path(sys.executable).parent / "transformers"), "serve", model]
    with log.open("w") as output:
        server = subprocess.Popen(
            [*command, "--device", "cpu", "--host", "127.0.0.1", "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_S
        while True:
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except (urllib.error.URLError, TimeoutError):
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1", model
    finally:
        server.terminate()
        server.wait()


@pytest.mark.slow
def test_a_real_server_is_asked_and_its_answers_are_counted(endpoint, caplog) -> None:
    base_url, model = endpoint
    verdicts: dict[str, dict[str, Any]] = {}
    judge = OpenAIJudge(
        model=model,
        n_levels=10,
        verdicts=verdicts,
        base_url=base_url,
        api_key_env=None,
        input_price=1.0,
        output_price=1.0,
        max_cost=1.0,
        concurrency=2,
        max_retries=1,
    )
    texts = ["The picture is sharp.", "The photo is very noisy.", "The picture is sharp."]
    with caplog.at_level(logging.INFO):
        levels = judge.infer_levels(texts)

    # What this model writes is no verdict; the server says what it took.
    assert not verdicts
    np.testing.assert_array_equal(levels, [np.nan] * 3)
    assert "of 2 answers" in caplog.text
    told = re.search(r"gave 2 answers for (\d+) tokens read and (\d+) written: cost ([\d.]+)\.\n",
                     caplog.text)  # fmt: skip
    assert told is not None
    read, written = int(told[1]), int(told[2])
    assert read > 2 * 30 and 0 < written <= 2 * 32
    assert told[3] == f"{(read + written) / 1e6:.4f}"
    # This model's few hundred tokens are shorter than the four characters that are reckoned with.
    assert judge.estimated_cost(texts[:2]) >= 0.9 * (read + written) / 1e6


@pytest.mark.slow
def test_a_model_the_server_does_not_have_stops_the_run(endpoint) -> None:
    base_url, _ = endpoint
    judge = OpenAIJudge(
        model="no-such/model",
        n_levels=10,
        verdicts={},
        base_url=base_url,
        api_key_env=None,
        input_price=0.0,
        output_price=0.0,
        max_cost=0.0,
        max_retries=0,
    )
    with pytest.raises(RuntimeError, match="no-such/model.*is of no use"):
        judge.infer_levels(["The picture is sharp."])
