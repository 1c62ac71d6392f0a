import json
from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from benchmarks.performance import flops, memory_budget
from benchmarks.scale import assumptions, finished, models, page, pictures, prediction, recipe
from benchmarks.scale.limits import limits
from benchmarks.scale.stages import Plan, Rates, stages

SMOL = "smolvlm_256m"


@pytest.fixture(scope="module")
def assumed():
    return assumptions.read()[0]


@pytest.fixture(scope="module")
def smol():
    return models.sizes(SMOL)


@pytest.fixture
def plan(smol, assumed):
    rates = Rates(prepare=0.1, store=0.004, figures=0.001, tables=0.0001)
    return Plan(10**6, 8, smol, recipe.read(SMOL), rates, assumed)


def test_an_idefics3_costs_what_the_counts_of_speed_say_for_each_tile(smol):
    model = next(one for one in memory_budget.MODELS if one.name == SMOL)
    one = flops.costs(memory_budget.build(model, torch.bfloat16))
    assert smol.costs == replace(one, tower=5 * one.tower)


def test_the_tower_of_a_qwen2_5_vl_costs_what_torch_counts():
    text = {
        **memory_budget._qwen2(32, 64, 2, 2, 2, 300),
        "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3]},
    }
    vision = {
        "depth": 4,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_heads": 2,
        "patch_size": 14,
        "window_size": 56,
        "fullatt_block_indexes": [3],
        "out_hidden_size": 32,
    }
    shape = memory_budget.Model("tiny", "Qwen2_5_VL", text, vision, 64, 256, options={})
    built = Qwen2_5_VLForConditionalGeneration._from_config(
        Qwen2_5_VLConfig(text_config=text, vision_config=vision), attn_implementation="eager"
    )
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        built.base_model.visual(torch.zeros(256, 3 * 2 * 14**2), torch.tensor([[1, 16, 16]]))
    assert models._tower(shape, built) == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_more_gpus_are_never_slower_and_never_cheaper_in_hours_of_work(plan):
    for one, more in zip((1, 8, 64), (8, 64, 512), strict=True):
        few, many = (stages(replace(plan, gpus=gpus)) for gpus in (one, more))
        assert all(b.clock <= a.clock * 1.001 for a, b in zip(few, many, strict=True))
        assert sum(b.gpu for b in many) >= 0.99 * sum(a.gpu for a in few)


def test_ten_times_the_images_take_ten_times_as_long_once_features_have_no_room(plan):
    first, second = (
        sum(stage.clock for stage in stages(replace(plan, images=count))[1:])
        for count in (10**7, 10**8)
    )
    assert second == pytest.approx(10 * first, rel=0.02)


def test_kept_features_save_pictures(plan):
    room = replace(plan.recipe, kept_bytes=plan.images * plan.model.feature_bytes)
    kept = {stage.name: stage for stage in stages(replace(plan, recipe=room))}
    again = {stage.name: stage for stage in stages(plan)}
    assert again["asking policies"].limit == "pictures"
    assert kept["asking policies"].limit == "GPUs"
    assert kept["asking policies"].gpu < again["asking policies"].gpu / 5
    assert kept["asking policies"].read == 0  # One machine, and nothing is prepared again.


def test_a_training_ends_at_its_batch_size(plan):
    enough = len(plan.recipe.pairs) + 1
    full = {stage.name: stage for stage in stages(replace(plan, gpus=16 * enough))}
    more = {stage.name: stage for stage in stages(replace(plan, gpus=512))}
    assert full["training experts"].limit == "batch size"
    assert full["training experts"].clock == more["training experts"].clock


def test_lines_give_back_what_lies_on_them():
    def run(images):
        train, asked = prediction.drawn(images).train, prediction.drawn(images).asked
        nodes = {
            "ingestion.check_images": 0.5 + 0.01 * images,
            "iteration_1.train_level_expert": 2 + 0.05 * train,
            "iteration_1.predict_merged": 1 + 0.02 * asked,
            "baseline.calibrate_reader": 3.0,
        }
        return {"images": images, "nodes": nodes}

    known = prediction.lines(run(100), run(400))
    large = run(5000)["nodes"]
    predicted = prediction.predict(known, large, prediction.drawn(5000))
    assert predicted == pytest.approx(prediction.measured(known, large))
    assert predicted["training: level"] == pytest.approx(2 + 0.05 * 3000)


def test_a_node_that_was_faster_the_second_time_does_not_end_below_nothing():
    small, large = ({"images": n, "nodes": {"a.b": s}} for n, s in ((100, 2.0), (400, 1.0)))
    assert prediction.lines(small, large)["a.b"] == prediction.Line(1.0, 0.0)
    small, large = ({"images": n, "nodes": {"a.b": s}} for n, s in ((100, 0.0), (400, 1.0)))
    assert prediction.lines(small, large)["a.b"].fixed == 0


def test_every_assumption_has_its_source_and_none_is_forgotten(tmp_path):
    file = tmp_path / "assumptions.yml"
    file.write_text("gpu_flops: {value: 1, unit: a second, source: me}\n")
    with pytest.raises(ValueError, match="gpu_price"):
        assumptions.read(file)
    text = assumptions.FILE.read_text()
    file.write_text(text.replace("value: 3.0\n", "value: 0\n"))
    with pytest.raises(ValueError, match="'gpu_price' .* above 0"):
        assumptions.read(file)


def test_the_limits_come_in_the_order_in_which_they_end():
    table = {"rows_an_image": 1.0, "disk": 100.0, "memory": 400.0}
    names = ("judgements", "generations", "consistency_pairs", "reference_logps")
    found = limits(dict.fromkeys(names, table), recipe.read("qwen2_5_vl_7b"), 10_000, 2e-8)
    assert [limit.ends for limit in found] == sorted(limit.ends for limit in found)
    process = next(limit for limit in found if limit.what.startswith("memory of the run's"))
    assert process.ends == pytest.approx(64e9 / 10_000)
    assert all(limit.at(limit.ends) == pytest.approx(limit.room) for limit in found[:-1])


def test_pictures_of_another_turn_are_other_files(tmp_path):
    rows = pictures._demo_rows()
    for number in (0, len(rows)):
        pictures._cut(number, rows, tmp_path)
    first, second = sorted(tmp_path.rglob("*.jpg"))
    assert first.read_bytes() != second.read_bytes()
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(ValueError, match="can be cut"):
        pictures.write_pictures(10**6, tmp_path)


def test_a_run_that_did_not_finish_is_not_read(tmp_path):
    place = tmp_path / "08_reporting/manifests/manifest.json/1/manifest.json"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"status": "failed"}))
    with pytest.raises(FileNotFoundError, match="finished run"):
        finished.read_run(tmp_path)


def test_the_page_is_what_its_command_writes():
    assert page.PAGE.read_text() == page.write()
