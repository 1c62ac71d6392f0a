"""The registered champion behind `mlflow models serve`, asked over HTTP."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest

from selfscore.scoring import Scorer

pytestmark = pytest.mark.slow


def ask(address: str, **body: Any) -> Any:
    request = urllib.request.Request(
        f"{address}/invocations", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


@pytest.fixture
def served(home, tmp_path: Path) -> Iterator[str]:
    """Address of the served champion."""
    home.run()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager=local"]
    command += ["-m", "models:/selfscore@champion", "-h", "127.0.0.1", "-p", str(port)]
    address = f"http://127.0.0.1:{port}"
    with (tmp_path / "serve.log").open("w") as log:
        server = subprocess.Popen(
            command,
            cwd=home.root,
            env={
                **os.environ,
                "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri(),
                # It starts `uvicorn`, which an active environment has on its path.
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            },
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        for _ in range(600):
            assert server.poll() is None, (tmp_path / "serve.log").read_text()[-3000:]
            try:
                urllib.request.urlopen(f"{address}/ping", timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        else:
            pytest.fail((tmp_path / "serve.log").read_text()[-3000:])
        yield address
    finally:
        # The server is a child of the command.
        if server.poll() is None:
            os.killpg(server.pid, 15)
        server.wait(30)


def test_a_served_champion_says_what_the_policy_says(home, served: str, photos: list[Path]) -> None:
    folder = next((home.root / "data/policy_1").glob("*/policy_1"))
    expected = Scorer.load(folder).score(photos)
    images = [[base64.b64encode(path.read_bytes()).decode()] for path in photos]
    table = {"columns": ["image"], "data": images}

    answer = ask(served, dataframe_split=table)["predictions"]
    for said, own in zip(answer, expected, strict=True):
        assert said["score"] == pytest.approx(own.score)
        assert said["probabilities"] == pytest.approx(own.probabilities)
        assert (said["level"], said["explanation"]) == (own.level, own.explanation)
        assert said["policy_digest"] == own.origin.digest
        assert said["error"] is None

    quick = ask(served, dataframe_split=table, params={"explain": False})["predictions"]
    assert {one["explanation"] for one in quick} == {None}

    # Its own files are not for whoever can send requests.
    records = [{"image": str(photos[0])}, {"image": images[0][0]}]
    refused, scored = ask(served, dataframe_records=records)["predictions"]
    assert refused["error"] == "not an image in base64"
    assert refused["score"] is None
    assert scored["score"] == pytest.approx(expected[0].score)

    with pytest.raises(urllib.error.HTTPError, match="400"):
        ask(served, dataframe_records=[{"picture": images[0][0]}])
