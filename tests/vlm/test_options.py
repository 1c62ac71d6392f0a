from dataclasses import replace
from importlib.util import find_spec

import pytest
import tiny_vlm
import torch
from cards import MACHINE, policy_over

from selfscore.cluster.settings import RayOptions
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.loading.loader import load_outline, load_vlm
from selfscore.vlm.options import LoadOptions, Machine
from selfscore.vlm.reading.features import ImageEncoder, compute_features
from selfscore.vlm.reading.packing_check import check_packing


@pytest.mark.parametrize("name", ["dtype", "attention", "device_map", "quantization"])
def test_an_unknown_choice_is_named(name):
    with pytest.raises(ValueError, match=rf"{name}\n.*should be .*auto|4bit"):
        LoadOptions(**{name: "best"})


def test_processes_of_one_training_share_no_gpu():
    half = RayOptions(workers=4, cpus=1, gpus=0.5)
    with pytest.raises(ValueError, match="2 `training_processes` need a whole GPU each.* of 0.5"):
        replace(MACHINE, engine="ray", ray=half, training_processes=2)
    # These are not Ray's.
    assert replace(MACHINE, ray=half, training_processes=2).training_processes == 2


def test_vllm_is_not_asked_for_four_bits():
    vllm = replace(MACHINE.generation, backend="vllm")
    with pytest.raises(ValueError, match=r"`generation.backend: vllm` does not read .*4bit`"):
        replace(MACHINE, generation=vllm, loading=LoadOptions(quantization="4bit"))


def test_the_dtype_is_that_of_the_machine_or_the_one_asked_for(policy):
    gpu = torch.cuda.is_available()
    assert load_vlm(policy).model.dtype == (torch.bfloat16 if gpu else torch.float32)
    assert load_vlm(policy, options=LoadOptions("bfloat16")).model.dtype == torch.bfloat16
    assert load_vlm(policy, options=LoadOptions("float32")).model.dtype == torch.float32


def test_packed_rows_are_right_whatever_computes_attention(policy, images):
    for options in (LoadOptions(attention="eager"), LoadOptions("bfloat16")):
        encoder = ImageEncoder(load_vlm(policy, options=options), images)
        check_packing(encoder, "0.png", "Rate it.")


def test_features_stored_in_another_dtype_serve_too(policy, vlm, images):
    keys = ["0.png"]
    features = dict(zip(keys, compute_features(vlm, images, keys), strict=True))
    half = load_vlm(policy, options=LoadOptions("bfloat16"))
    encoder = ImageEncoder(half, images, StoredFeatures(vlm.base_model, features))
    assert encoder(keys)[0].tokens.dtype == torch.bfloat16
    check_packing(encoder, "0.png", "Rate it.")


def test_eager_attention_is_eager_everywhere(policy):
    config = load_vlm(policy, options=LoadOptions(attention="eager")).model.config
    assert config.get_text_config()._attn_implementation == "eager"
    assert config.vision_config._attn_implementation == "eager"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize(
    ("options", "error", "remedy"),
    [
        (LoadOptions(attention="flash_attention_2"), ModuleNotFoundError, "flash-attn"),
        (LoadOptions(attention="flex"), RuntimeError, "needs a GPU.*Choose `auto`"),
        (
            LoadOptions(quantization="4bit"),
            (ModuleNotFoundError, RuntimeError),
            r"selfscore\[qlora\]|Set it to null",
        ),
    ],
)
def test_what_is_missing_is_named(policy, options, error, remedy):
    with pytest.raises(error, match=f"`machine.loading.*(?:{remedy})"):
        load_vlm(policy, options=options)


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_ray_that_is_missing_is_named_before_anything_begins():
    with pytest.raises(ValueError, match=r"`engine: ray` needs.*'selfscore\[ray\]', or.*local"):
        Machine(LoadOptions(), MACHINE.generation, engine="ray")


def test_an_unknown_engine_is_named():
    with pytest.raises(ValueError, match="should be 'local' or 'ray'"):
        Machine(LoadOptions(), MACHINE.generation, engine="spark")


def test_remote_code_stays_off_and_other_options_are_checked(tmp_path):
    folder = str(tiny_vlm.save_idefics3(tmp_path))
    for name in ("trust_remote_code", "do_image_spliting"):
        with pytest.raises(ValueError, match=rf"has no option '{name}'.*`model\.processor`"):
            load_vlm(policy_over(folder, processor={name: True}))


def test_processor_options_reach_the_images(tmp_path, images):
    folder = tiny_vlm.save_idefics3(tmp_path)
    split = {"do_image_splitting": True, "size": {"longest_edge": 64}}
    tokens = []
    for options in ({}, split):
        policy = policy_over(folder, processor=options)
        vlm = load_vlm(policy)
        assert vlm.base_model == policy.card.base_model.record()
        tokens.append(len(compute_features(vlm, images, ["0.png"])[0].tokens))
    # The whole picture, and then its four quarters too.
    assert tokens == [16, 5 * 16]


def test_an_outline_says_what_the_model_says_of_prompts(policy, vlm):
    outline = load_outline(policy)
    assert all(weight.is_meta for weight in outline.model.parameters())
    assert outline.model.config.image_token_id == vlm.model.config.image_token_id
    assert outline.model.generation_config.eos_token_id == vlm.model.generation_config.eos_token_id
