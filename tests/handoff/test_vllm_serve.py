"""A policy behind vLLM's server, started with the command of its card."""

from __future__ import annotations

import base64
import io
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import tiny_vlm
from cards import MACHINE, PROMPTS, policy_over
from openai import APIConnectionError, OpenAI
from PIL.Image import Image
from random_adapter import random_adapter

from selfscore.datasets.policy import PolicyDataset
from selfscore.handoff.model_card import model_card
from selfscore.provenance.manifest import Manifest
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.options import Decoding
from selfscore.vlm.policy import Policy
from selfscore.vlm.writing.backends import writer
from selfscore.vlm.writing.generation import Request

pytestmark = [
    pytest.mark.slow,
    pytest.mark.vllm,
    pytest.mark.skipif(
        find_spec("vllm") is None, reason="vLLM is not installed: see docs/recipes.md"
    ),
]

MAKER = Manifest("run", "finished", "", {}, {}, {}, {}, {}, {}, {}, [])
TOKENS = 12
IMAGES = tiny_vlm.pictures(4)
# A card's command leaves them to who serves: exact numbers, and as little memory as it takes.
OPTIONS = ["--dtype=float32", "--max-model-len=256", "--enforce-eager"]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """Wide enough for vLLM's kernels, and with pictures in tiles, which it expects."""
    base = tiny_vlm.save_idefics3(tmp_path_factory.mktemp("wide"), wide=True)
    tiles = {"do_image_splitting": True, "size": {"longest_edge": 64}}
    adapter = random_adapter(str(base), 1)
    return policy_over(base, adapter, iteration=1, energy_kept=1.0, processor=tiles)


@pytest.fixture(scope="module")
def client(policy: Policy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    """Client of the server that the command of the card has started."""
    home = tmp_path_factory.mktemp("served")
    PolicyDataset(filepath=str(home / "policy")).save(policy)
    text = model_card("policy_1", policy.card.record(), policy.digest, MAKER, None, rank=2)
    command = re.search(r"(?m)^vllm serve (?:.*\\\n)*.*$", text)
    assert command is not None
    arguments = [
        argument.replace("<this folder>", str(home / "policy"))
        for argument in shlex.split(command[0].replace("\\\n", " "))
    ]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = str(Path(sys.executable).with_name(arguments[0]))
    with (home / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [program, *arguments[1:], *OPTIONS, "--host=127.0.0.1", f"--port={port}"],
            env={**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    client = OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0)
    try:
        _wait(client, server, home / "log.txt")
        yield client
    finally:
        server.terminate()
        server.wait(timeout=60)


def _wait(client: OpenAI, server: subprocess.Popen[bytes], log: Path) -> None:
    while server.poll() is None:
        try:
            client.models.list()
        except APIConnectionError:
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"vLLM's server ended:\n{log.read_text()[-4000:]}")


def written_by(policy: Policy) -> list[str]:
    """The greedy texts of the transformers backend."""
    write = writer(MACHINE, policy, IMAGES, StoredFeatures(policy.card.base_model.record(), {}))
    requests = [Request(key, PROMPTS.rating, "", seed=0) for key in IMAGES]
    return [row.text for row in write(requests, Decoding(0.0, TOKENS, 4), "writing")]


def answer(client: OpenAI, model: str, image: Image) -> str | None:
    """What the server writes when it is asked as the card says: the image, then the prompt."""
    file = io.BytesIO()
    image.save(file, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    done = client.chat.completions.create(
        model=model,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": url}},
                    {"type": "text", "text": PROMPTS.rating},
                ],
            }
        ],
        temperature=0,
        max_tokens=TOKENS,
    )
    return done.choices[0].message.content


def whole(text: str | None) -> str:
    """Without outer blanks, and without what the last token left unfinished of a character."""
    return (text or "").rstrip("\ufffd").strip()


def test_policy_and_base_model_answer_as_they_do_here(policy: Policy, client: OpenAI) -> None:
    base = policy.card.base_model
    alone = policy_over(base.id, processor=base.processor)
    expected = {"policy_1": written_by(policy), base.id: written_by(alone)}
    assert {model.id for model in client.models.list()} == expected.keys()
    assert expected["policy_1"] != expected[base.id]
    for model, texts in expected.items():
        answers = [answer(client, model, image) for image in IMAGES.values()]
        assert [*map(whole, answers)] == [*map(whole, texts)]
