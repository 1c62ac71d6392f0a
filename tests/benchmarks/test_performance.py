import json
from types import SimpleNamespace

import pytest
import tiny_vlm
import torch
from cards import policy_over
from images import coloured_images
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.performance import __main__ as speed
from benchmarks.performance import flops, page, shapes, steps
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.reading.features import image_inputs, run_tower


@pytest.fixture(scope="module")
def vlm(tmp_path_factory):
    folder = tiny_vlm.save_idefics3(tmp_path_factory.mktemp("idefics3"))
    return load_vlm(policy_over(folder))


def counted(way):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        way()
    return counter.get_total_flops()


def test_operations_are_those_that_torch_counts(vlm):
    # The counter knows no fused attention of the CPU.
    vlm.model.set_attn_implementation("eager")
    costs = flops.costs(vlm.model)
    inputs, _ = image_inputs(vlm, coloured_images(1), ["0.png"])
    assert costs.tower == pytest.approx(counted(lambda: run_tower(vlm.model, inputs)), rel=0.02)
    ids = torch.full((1, 40), 80)
    decoder = vlm.model.get_decoder()
    layers = counted(lambda: decoder(input_ids=ids, use_cache=False))
    assert costs.row(40, 0) == pytest.approx(layers, rel=0.02)
    head = counted(lambda: vlm.model.get_output_embeddings()(torch.zeros(7, 32)))
    assert costs.row(0, 7) == pytest.approx(head)


def test_the_stock_way_costs_what_it_repeats(vlm):
    costs = flops.costs(vlm.model)
    once = flops.packed_pair(costs, 100, 30, 30)
    assert flops.stock_pair(costs, 100, 30, 30, True) > 4 * costs.tower + 2 * once
    assert flops.stock_pair(costs, 100, 30, 30, False) < flops.stock_pair(costs, 100, 30, 30, True)


def test_published_shapes_have_their_published_sizes():
    assert shapes.SHAPES["smolvlm-256m"].image_tokens == 64
    assert shapes.SHAPES["smolvlm-2.2b"].image_tokens == 81


@pytest.mark.slow
def test_every_speed_up_computes_the_same_and_the_page_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "measure_memory", lambda *_: {"load": 1, "stock": 4, "ours": 2})
    record = tmp_path / "speed.json"
    speed.main(
        ["--shapes", "demo", "--pairs", "2", "--images", "2", "--repeats", "1"]
        + ["--work", str(tmp_path / "work"), "--record", str(record)]
    )
    found = json.loads(record.read_text())["shapes"]["demo"]
    losses = found["dpo"]["loss"]
    assert len(losses) == 7
    assert losses["stock"] != pytest.approx(0.6931, abs=1e-3), "the adapter must do something"
    for name, loss in losses.items():
        # TRL's pairs have one more token than ours: the line break behind the end of a turn.
        assert loss == pytest.approx(losses["stock"], abs=2e-3), name
    assert list(found["default"]) == list(steps.DEFAULT)
    assert all(seconds > 0 for seconds in found["default"].values())
    monkeypatch.setattr(page, "RECORD", record)
    monkeypatch.setattr(page, "STARTUP", tmp_path / "none")
    monkeypatch.setattr(page, "scaling", SimpleNamespace(RECORD=tmp_path / "none"))
    monkeypatch.setattr(page, "loading", SimpleNamespace(RECORD=tmp_path / "none"))
    monkeypatch.setattr(page, "one_image", SimpleNamespace(RECORD=tmp_path / "none"))
    text = page.write_page()
    assert "| peak memory of training | 4 MiB | 2 MiB | 2.0 × |" in text
    assert "## demo" in text
    whole = sum(page.default_round(found).values())
    assert f"{whole:,.1f} s in all. There is no stock way" in text
