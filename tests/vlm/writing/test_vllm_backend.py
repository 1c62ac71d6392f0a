"""What vLLM is given is checked everywhere; vLLM itself where it is installed, on a CPU too."""

import inspect
from importlib.util import find_spec

import pytest
import tiny_vlm
from cards import policy_over
from safetensors.torch import load_file

from selfscore.expert_training.targets import lora_targets
from selfscore.merging.delta import to_lora
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.loading.adapters import concatenated
from selfscore.vlm.loading.loader import load_outline, load_vlm
from selfscore.vlm.options import Decoding, GenerationOptions, LoadOptions, Machine
from selfscore.vlm.policy import LoraAdapter, Policy
from selfscore.vlm.reading.tokens import end_tokens, prompt_ids, start_ids
from selfscore.vlm.writing.backends import writer
from selfscore.vlm.writing.generation import Request
from selfscore.vlm.writing.vllm_backend import engine_arguments, prompt, sampling, save_adapter

IMAGES = tiny_vlm.pictures(4)
TRANSFORMERS = GenerationOptions("transformers", 256, 0.5)
VLLM = GenerationOptions("vllm", max_model_len=256, gpu_memory_utilization=0.5)
START = "#Score: 3\n#Explanation:"
needs_vllm = [
    pytest.mark.vllm,
    pytest.mark.skipif(
        find_spec("vllm") is None, reason="vLLM is not installed: see docs/recipes.md"
    ),
]


def random_adapter(policy: Policy, rank: int, seed: int) -> LoraAdapter:
    import torch

    model = load_vlm(policy).model
    generator = torch.Generator().manual_seed(seed)
    changes = {
        name: 0.05 * torch.randn(model.get_submodule(name).weight.shape, generator=generator)
        for name in lora_targets(model, "language_model")
    }
    return to_lora(changes, rank, "base")[0]


def test_a_prompt_has_one_token_for_the_image_and_the_forced_start(vlm):
    request = Request("1.png", "Rate it.", START, seed=3)
    given = prompt(vlm, request, IMAGES)
    assert given["multi_modal_data"] == {"image": IMAGES["1.png"]}
    ids = given["prompt_token_ids"]
    assert ids.count(vlm.model.config.image_token_id) == 1
    start = start_ids(vlm, "Rate it.", START)
    assert ids[-len(start) :] == start
    # With the processor's image tokens in its place it is the prompt of the other backend.
    place = ids.index(vlm.model.config.image_token_id)
    known = prompt_ids(vlm, "<image>" * 5, "Rate it.")
    image = [vlm.model.config.image_token_id] * 5
    assert ids[:place] + image + ids[place + 1 : -len(start)] == known


def test_sampling_is_the_models_own_distribution(vlm):
    given = sampling(vlm, Request("1.png", "Rate it.", seed=3), Decoding(0.7, 20, 4))
    assert (given["temperature"], given["top_p"], given["top_k"]) == (0.7, 1.0, 0)
    assert (given["seed"], given["max_tokens"]) == (3, 20)
    assert set(given["stop_token_ids"]) == end_tokens(vlm)


def test_the_engine_is_given_model_length_and_room_for_the_adapter(policy):
    options = LoadOptions("bfloat16")
    plain = engine_arguments(VLLM, options, policy, None, 512)
    assert plain["model"] == policy.base_model and plain["dtype"] == "bfloat16"
    assert plain["trust_remote_code"] is False and plain["load_format"] == "safetensors"
    assert plain["max_model_len"] == 256 and plain["gpu_memory_utilization"] == 0.5
    assert "enable_lora" not in plain
    assert engine_arguments(VLLM, options, policy, None, 128)["max_model_len"] == 128
    for rank, room in ((5, 8), (16, 16), (80, 128), (512, 512)):
        adapter = LoraAdapter({"r": rank}, {})
        assert engine_arguments(VLLM, options, policy, adapter, 512)["max_lora_rank"] == room
    with pytest.raises(ValueError, match="up to rank 512, and this one has 513"):
        engine_arguments(VLLM, options, policy, LoraAdapter({"r": 513}, {}), 512)


def test_the_adapter_is_saved_as_peft_does(policy, tmp_path):
    adapter = random_adapter(policy, 4, 0)
    save_adapter(adapter, tmp_path)
    assert load_file(tmp_path / "adapter_model.safetensors").keys() == adapter.tensors.keys()
    from peft import PeftModel

    model = PeftModel.from_pretrained(load_vlm(policy).model, tmp_path)
    assert model.peft_config["default"].r == 4


def test_an_unknown_backend_is_named():
    with pytest.raises(ValueError, match="should be 'transformers' or 'vllm'"):
        GenerationOptions("tgi", 256, 0.5)


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed")
def test_vllm_that_is_missing_is_named(policy):
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'selfscore\[vllm\]'"):
        writer(Machine(LoadOptions(), VLLM), policy, IMAGES, StoredFeatures({}, {}))


def test_a_policy_that_sees_several_views_is_refused():
    policy = policy_over(views=4)
    with pytest.raises(ValueError, match=r"this policy sees 4 views.*model\.views: 1"):
        writer(Machine(LoadOptions(), VLLM), policy, IMAGES, StoredFeatures({}, {}))


@pytest.mark.vllm
@needs_vllm[1]
def test_vllm_knows_every_argument(policy):
    from vllm import LLM, SamplingParams
    from vllm.engine.arg_utils import EngineArgs
    from vllm.lora.request import LoRARequest

    outline = load_outline(policy)
    arguments = engine_arguments(VLLM, LoadOptions(), policy, LoraAdapter({"r": 4}, {}), 512)
    known = {*inspect.signature(LLM).parameters, *inspect.signature(EngineArgs).parameters}
    assert set(arguments) <= known
    assert set(sampling(outline, Request("0.png", "Rate it."), Decoding(1.0, 4, 4))) <= set(
        inspect.signature(SamplingParams).parameters
    )
    request = LoRARequest("policy", 1, "/somewhere")
    assert (request.lora_name, request.lora_int_id, request.lora_path) == (
        "policy",
        1,
        "/somewhere",
    )


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> Policy:
    """Wide enough for vLLM's attention kernels, and with pictures in tiles, which it expects."""
    folder = tiny_vlm.save_idefics3(tmp_path_factory.mktemp("wide"), wide=True)
    tiles = {"do_image_splitting": True, "size": {"longest_edge": 64}}
    return policy_over(folder, processor=tiles)


@pytest.mark.slow
@pytest.mark.vllm
@needs_vllm[1]
@pytest.mark.parametrize("experts", [0, 1, 2])
def test_greedy_texts_are_those_of_transformers(wide, experts):
    """The policy alone, with its adapter, and with an expert on top of it."""
    adapters = [random_adapter(wide, 4, seed) for seed in range(experts)]
    policy = Policy(wide.card, adapters[0]) if adapters else wide
    options, none = LoadOptions("float32"), StoredFeatures(wide.card.base_model.record(), {})
    requests = [
        Request(key, "Rate it.", start, seed=place)
        for place, (key, start) in enumerate(
            (key, start) for key in IMAGES for start in ("", START)
        )
    ]
    stock, vllm = (
        writer(Machine(options, generation), policy, IMAGES, none, adapters[1:])
        for generation in (TRANSFORMERS, VLLM)
    )
    greedy = Decoding(0.0, 12, 3)
    expected = [row.text for row in stock(requests, greedy, "writing")]
    found = vllm(requests, greedy, "writing")
    assert [row.text for row in found] == expected
    assert all(row.log_probability is None for row in found)
    assert len(set(expected)) > 2

    sampled = [[row.text for row in vllm(requests, Decoding(1.0, 12, 8), "writing")] for _ in "ab"]
    assert sampled[0] == sampled[1] != expected
    if experts == 2:
        single = Policy(wide.card, concatenated(adapters))
        assert [
            row.text
            for row in writer(Machine(options, TRANSFORMERS), single, IMAGES, none)(
                requests, greedy, "writing"
            )
        ] == expected
