"""The champion is taken by its digest, whatever later runs wrote under the same name."""

from __future__ import annotations

from pathlib import Path

import pytest
from kedro.io import DatasetError
from kedro.pipeline import Node, Pipeline

from selfscore.handoff.create import create
from selfscore.provenance.champion import ChampionError, champion_version, read_champion
from selfscore.provenance.outside_runs import load_sealed


def choose(policy) -> dict[str, str]:
    return {"policy": "policy_0", "digest": policy.digest}


def choosing(tiny) -> str:
    """A run that makes policies and chooses the base model; its id."""
    tiny.run()
    return tiny.run(Pipeline([Node(choose, "policy_0", "champion", name="choose")]))


def later(tiny, only) -> str:
    """A run that begins again on other scores and comes no further than `policy_0`; its id."""
    (tiny.root / "data/numbers.json").write_text('{"scores": [30, 10, 20]}')
    return tiny.run(only("fit_scale", "describe"))


def test_a_later_policy_of_the_same_name_is_not_the_champion(tiny, only) -> None:
    first, chosen = "2026-01-01T00.00.00.000Z", choosing(tiny)
    newer = later(tiny, only)
    project = tiny.opened()
    champion = read_champion(project)
    assert champion is not None and champion.chosen == chosen
    assert champion_version(project, champion) == first
    index = create(project, tiny.manifests(), None, tiny.root / "out")
    assert (index.policy["version"], index.policy["digest"]) == (first, champion.digest)
    # Who names a policy means the newest.
    assert create(project, tiny.manifests(), "policy_0", tiny.root / "b").policy["version"] == newer


def test_the_same_policy_made_again_later_does_not_take_its_place(tiny, only) -> None:
    choosing(tiny)
    tiny.run(only("describe"))
    champion = read_champion(tiny.opened())
    assert champion is not None
    assert champion_version(tiny.opened(), champion) == "2026-01-01T00.00.00.000Z"


def test_without_manifests_the_policies_themselves_are_asked(tiny, only) -> None:
    choosing(tiny)
    later(tiny, only)
    (tiny.root / "data/manifests").rename(tiny.root / "away")
    champion = read_champion(tiny.opened())
    assert champion is not None
    assert champion_version(tiny.opened(), champion) == "2026-01-01T00.00.00.000Z"


def test_a_champion_that_is_gone_is_refused(tiny, only) -> None:
    choosing(tiny)
    later(tiny, only)
    (tiny.root / "data/policy_0/2026-01-01T00.00.00.000Z/policy_0").rename(tiny.root / "away")
    with pytest.raises(ChampionError, match=r"policy_0 with the digest \w{12}….*no version"):
        create(tiny.opened(), tiny.manifests(), None, tiny.root / "out")


@pytest.mark.parametrize("store", ["tiny", "remote"])
def test_a_flipped_bit_in_the_record_is_noticed(store: str, request, only) -> None:
    tiny = request.getfixturevalue(store)
    choosing(tiny)
    project = tiny.opened()
    place = project.catalog["champion"]
    file = str(place._get_load_path())
    text = place._fs.cat_file(file)
    # Still JSON, and still a policy that there is.
    place._fs.pipe_file(file, text.replace(b'"policy_0"', b'"policy_1"'))
    with pytest.raises(ChampionError, match="'champion' in '.*' is not what the run"):
        read_champion(tiny.opened())


def test_a_policy_is_held_against_its_manifest(tiny) -> None:
    first = tiny.run()
    second = tiny.run(seed=9)
    places = [tiny.root / f"data/policy_1/{run}/policy_1" for run in (first, second)]
    swap(*places)
    for version in (None, first):
        with pytest.raises(DatasetError, match="'policy_1' in '.*' is not what the run") as caught:
            load_sealed(tiny.opened(), "policy_1", version)
        assert "run the node 'iteration_1.merge'" in str(caught.value)
    swap(*places)
    assert load_sealed(tiny.opened(), "policy_1").card.iteration == 1


def swap(one: Path, other: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
