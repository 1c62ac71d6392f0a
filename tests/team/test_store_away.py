"""An object store that goes away in the middle of a run: a sentence, no waiting, no lock left."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

KEYS = {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "secret-of-the-test"}
# A node that says that it is there, and goes on when the store is gone.
WAITING = """
import os, time
from kedro.framework.startup import bootstrap_project
bootstrap_project(os.getcwd())
from selfscore.pipelines.ingestion import pipeline
def waiting(split_images, score_source, settings):
    import pathlib, time
    pathlib.Path({here!r}).touch()
    while not pathlib.Path({gone!r}).exists():
        time.sleep(0.05)
    return {{"levels": 4}}
pipeline.fit_score_scale.__code__ = waiting.__code__
from kedro.framework.cli import main
main()
"""


@pytest.mark.slow
def test_a_store_that_goes_away_ends_the_run_in_a_sentence(
    project: Path, trial_conf: Path, image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    given = {name.lower(): value for name, value in KEYS.items()}
    client = boto3.client("s3", endpoint_url=address, region_name="us-east-1", **given)
    client.create_bucket(Bucket="bucket")
    globals_file = trial_conf / "base/globals.yml"
    text = globals_file.read_text()
    globals_file.write_text(text.replace(f"  root: {tmp_path}/data", "  root: s3://bucket/demo"))
    names = [f"{number:02d}.png" for number in range(30)]
    folder = image_folder(*names)
    scores = tmp_path / "scores.csv"
    pd.DataFrame({"image": names, "score": range(30)}).to_csv(scores, index=False)
    here, gone = tmp_path / "here", tmp_path / "gone"
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING.format(here=str(here), gone=str(gone))]
        + ["run", "--pipelines=ingestion", f"--conf-source={trial_conf}"]
        + [f"--params=images.folder={folder},images.scores={scores},ingestion.levels=4"],
        cwd=project,
        env={**os.environ, **KEYS, "AWS_ENDPOINT_URL": address},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        while not here.exists():
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.05)
        server.stop()
        gone.touch()
        said, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 1, said
    lines = said.splitlines()
    end = lines[[place for place, line in enumerate(lines) if "  INFO  " in line][-1] + 1 :]
    assert len(end) <= 5 and "Traceback" not in said, said
    assert "The store cannot be used: Could not connect" in end[0]
    assert "go on with `kedro resume`" in end[1]
