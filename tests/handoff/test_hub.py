"""A policy as the repository of a hub: its metadata, its example, and plain PEFT."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import stock
import tiny_vlm
import torch
from cards import policy_over
from click import UsageError
from huggingface_hub import ModelCard
from peft import PeftModel
from random_adapter import random_adapter
from transformers import AutoModelForImageTextToText

from selfscore.datasets.directory import write_json
from selfscore.datasets.policy import PolicyDataset
from selfscore.handoff import bundle
from selfscore.handoff.commands import _named_for, _write_repository
from selfscore.handoff.create import create
from selfscore.handoff.hub import write_repository
from selfscore.handoff.metadata import Hub, HubError
from selfscore.handoff.model_card import model_card
from selfscore.provenance.manifest import Manifest, to_record
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.model import VLM
from selfscore.vlm.policy import Policy
from selfscore.vlm.reading.tokens import answer_ids

MAKER = Manifest("run", "finished", "", {}, {}, {}, {}, {}, {}, {}, [])


@pytest.fixture
def handed(tiny) -> Path:
    tiny.run()
    create(tiny.opened(), tiny.manifests(), "policy_1", tiny.root / "handoff")
    # As it is of a base model on the hub.
    index = bundle.read_index(tiny.root / "handoff")
    index.base_model.pop("sha256", None)
    bundle.write_index(index, tiny.root / "handoff")
    return tiny.root / "handoff"


def test_the_hubs_own_class_reads_the_card(handed: Path, tmp_path: Path) -> None:
    hub = write_repository(handed, tmp_path / "repository", "our-team/tomatoes", "apache-2.0")
    card = ModelCard.load(tmp_path / "repository/README.md")
    assert hub.base_is_there
    told = card.data.to_dict()
    assert told["base_model"] == "models/base" and told["base_model_relation"] == "adapter"
    assert (told["license"], told["language"]) == ("apache-2.0", "en")
    assert (told["library_name"], told["pipeline_tag"]) == ("peft", "image-text-to-text")
    result = card.data.eval_results[0]
    assert (result.metric_type, result.metric_value) == ("srcc", 0.5)
    assert (result.dataset_name, result.dataset_split) == ("stars", "test")
    assert "The adapter is under apache-2.0" in card.text
    assert "hf download our-team/tomatoes --local-dir policy_1" in card.text


def test_it_has_the_policys_own_files_and_nothing_of_this_machine(
    handed: Path, tmp_path: Path
) -> None:
    write_repository(handed, tmp_path / "repository", "our-team/tomatoes", "mit")
    made = {file.name: file.read_bytes() for file in (tmp_path / "repository").iterdir()}
    policy = {file.name: file.read_bytes() for file in (handed / "policy").iterdir()}
    assert made.keys() == policy.keys()
    assert made.pop("README.md") != policy.pop("README.md")
    assert made == policy
    assert PolicyDataset(filepath=str(tmp_path / "repository")).load().card.iteration == 1
    assert str(tmp_path) not in (tmp_path / "repository/README.md").read_text()


def test_a_base_model_in_a_folder_is_no_model_of_a_hub(
    handed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = bundle.read_index(handed)
    index.base_model["sha256"] = "0" * 64
    bundle.write_index(index, handed)
    _write_repository(handed, tmp_path / "repository", "our-team/tomatoes", "mit")
    card = ModelCard.load(tmp_path / "repository/README.md")
    assert "base_model" not in card.data.to_dict()
    said = capsys.readouterr()
    assert "Nothing was uploaded" in said.out and "hf upload our-team/tomatoes" in said.out
    assert "put it on the hub, too" in said.err


@pytest.mark.parametrize(
    ("repository", "licence", "said"),
    [("tomatoes", "mit", "organisation/name"), ("a/b", "Apache 2.0", "small letters")],
)
def test_names_that_a_hub_does_not_take(repository: str, licence: str, said: str) -> None:
    with pytest.raises(HubError, match=said):
        Hub(repository, licence, True)


def test_the_base_model_alone_has_no_repository(tiny, tmp_path: Path) -> None:
    tiny.run()
    create(tiny.opened(), tiny.manifests(), "policy_0", tiny.root / "handoff")
    with pytest.raises(HubError, match="such as policy_1"):
        write_repository(tiny.root / "handoff", tmp_path / "repository", "a/b", "mit")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("hub", False, "a/b", None), "needs --repo=organisation/name and --license"),
        (("hub", True, "a/b", "mit"), "leave out --with-data"),
        (("colleague", False, "a/b", None), "add --for=hub"),
        (("colleague", True, None, "mit"), "add --for=hub"),
    ],
)
def test_options_that_do_not_go_together_are_refused(given: tuple[Any, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        _named_for(*given)
    assert _named_for("hub", False, "a/b", "mit") == ("a/b", "mit")
    assert _named_for("colleague", True, None, None) is None


@pytest.mark.parametrize("name", ["x.tar.gz", "x.tgz", "x.zip"])
def test_a_repository_is_a_folder_and_no_archive(name: str, handed: Path, tmp_path: Path) -> None:
    with pytest.raises(HubError, match=f"{name}.*a repository is a folder"):
        write_repository(handed, tmp_path / name, "our-team/tomatoes", "mit")
    assert not (tmp_path / name).exists()


def test_what_cannot_be_written_whole_leaves_nothing_behind(
    handed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "new"
    # As of a full disk.
    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(OSError, match="full"):
        write_repository(handed, place / "repository", "our-team/tomatoes", "mit")
    assert list(place.iterdir()) == []


def refuse(*_: Any, **__: Any) -> None:
    raise OSError("full")


@pytest.mark.parametrize(("rank", "room"), [(5, 8), (16, 16), (33, 64)])
def test_the_command_of_vllm_is_whole(rank: int, room: int) -> None:
    processor = {"size": {"longest_edge": 512}, "do_image_splitting": False}
    changes = {"revision": "abc", "processor": processor}
    card = policy_over("org/model", iteration=1, energy_kept=1.0, **changes).card
    hub = Hub("our-team/tomatoes", "mit", True)
    text = model_card("policy_1", card.record(), "d", MAKER, None, rank, hub)
    command = re.search(r"(?m)^vllm serve (?:.*\\\n)*.*$", text)
    assert command is not None
    arguments = shlex.split(command[0].replace("\\\n", " "))
    name, _, given = arguments.pop(4).partition("=")
    assert (name, json.loads(given)) == ("--mm-processor-kwargs", processor)
    assert arguments == [
        *["vllm", "serve", "org/model", "--revision=abc", "--enable-lora"],
        *[f"--max-lora-rank={room}", "--lora-modules", "policy_1=our-team/tomatoes"],
    ]


def test_no_command_where_vllm_takes_no_such_adapter() -> None:
    card = policy_over("org/model", iteration=1, energy_kept=1.0).card
    assert "vllm" not in model_card("policy_1", card.record(), "d", MAKER, None, 513)


@pytest.mark.parametrize("views", [1, 4])
def test_the_card_says_of_how_many_views_a_picture_is_the_mean(views: int) -> None:
    card = policy_over("org/model", iteration=1, energy_kept=1.0, views=views).card
    text = model_card("policy_1", card.record(), "d", MAKER, None, 16)
    assert ("the mean of 4 views" in text) == (views == 4)


def repository_of(policy: Policy, place: Path) -> Path:
    handoff = place / "handoff"
    PolicyDataset(filepath=str(handoff / "policy")).save(policy)
    (handoff / "manifests").mkdir()
    write_json(to_record(MAKER), handoff / "manifests/run.json")
    named = {"dataset": "policy_1", "run": "run", "digest": policy.digest, "version": "run"}
    bundle.write_index(bundle.Index("policy", "policy_1", named, {}, "base", {}, {}), handoff)
    write_repository(handoff, place / "repository", "our-team/tomatoes", "mit")
    return place / "repository"


def test_plain_peft_gives_the_same_log_probabilities_and_the_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = tiny_vlm.save_idefics3(tmp_path)
    policy = policy_over(base, random_adapter(str(base), 1), iteration=1, energy_kept=1.0)
    folder = repository_of(policy, tmp_path)
    image = next(iter(tiny_vlm.pictures(1).values()))

    ours = load_vlm(policy)
    loaded = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32)
    theirs = VLM(PeftModel.from_pretrained(loaded, folder).eval(), ours.processor)
    answer = answer_ids(ours, "Rate it.", "#Score: 5\n#Explanation: It is firm.")
    with torch.inference_mode():
        found = [
            stock.token_log_probabilities(vlm, image, "Rate it.", answer)
            for vlm in (ours, theirs, load_vlm(Policy(policy.card)))
        ]
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(found[0], found[2], atol=1e-2), "the adapter must matter"

    monkeypatch.chdir(tmp_path)
    image.convert("RGB").save("image.jpg")
    example = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S)
    assert example is not None
    # As if it had been downloaded.
    capsys.readouterr()
    exec(compile(example[1].replace("our-team/tomatoes", str(folder)), "README.md", "exec"), {})
    assert capsys.readouterr().out.strip()
