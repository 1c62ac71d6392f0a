import json
from dataclasses import replace

import pytest
import stock
import tiny_vlm
import torch
from cards import card, policy_over
from peft import PeftModel
from safetensors.torch import save_file
from transformers import (
    AutoModelForImageTextToText,
    CLIPImageProcessor,
    GitConfig,
    GitForCausalLM,
    GitProcessor,
)

from selfscore.expert_training.targets import lora_targets
from selfscore.merging.delta import to_lora
from selfscore.vlm.loading.folding import fold
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.policy import Card, Policy


def random_adapter(model, scale: float = 0.05):
    generator = torch.Generator().manual_seed(0)
    changes = {
        name: scale * torch.randn(model.get_submodule(name).weight.shape, generator=generator)
        for name in lora_targets(model, "language_model")
    }
    return to_lora(changes, 8, "base")[0]


def logits(vlm, images):
    inputs = stock.encode(vlm, images["0.png"], "Rate it.", [])
    with torch.inference_mode():
        return vlm.model(**inputs).logits


def test_folding_equals_peft_with_the_adapter_on(policy, vlm, images, tmp_path):
    adapter = random_adapter(vlm.model)
    folded = load_vlm(Policy(policy.card, adapter))
    assert not torch.allclose(logits(folded, images), logits(vlm, images), atol=1e-3)

    save_file(adapter.tensors, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(json.dumps(adapter.config))
    base = AutoModelForImageTextToText.from_pretrained(policy.base_model)
    peft_vlm = type(vlm)(PeftModel.from_pretrained(base, tmp_path), vlm.processor)
    torch.testing.assert_close(
        logits(peft_vlm, images), logits(folded, images), rtol=1e-4, atol=1e-4
    )


def test_an_expert_comes_on_top_of_the_policy(policy, vlm, images):
    adapter = random_adapter(vlm.model)
    twice = load_vlm(Policy(policy.card, adapter), [adapter])
    doubled = type(adapter)({**adapter.config, "lora_alpha": 16}, adapter.tensors)
    once = load_vlm(Policy(policy.card, doubled))
    torch.testing.assert_close(logits(twice, images), logits(once, images), rtol=1e-4, atol=1e-4)


def test_an_adapter_of_another_model_is_refused(policy, vlm):
    model = AutoModelForImageTextToText.from_pretrained(policy.base_model)
    adapter = random_adapter(model)
    more = {key.replace("layers.1", "layers.7"): v for key, v in adapter.tensors.items()}
    tensors = {**adapter.tensors, **more}
    with pytest.raises(ValueError, match="does not belong to this base model"):
        fold(model, type(adapter)(adapter.config, tensors))


@pytest.mark.parametrize("kept", ["lora_A", "layers.0", "nothing"])
def test_an_adapter_that_lacks_tensors_is_refused(policy, vlm, kept):
    adapter = random_adapter(vlm.model)
    some = {name: tensor for name, tensor in adapter.tensors.items() if kept in name}
    missing = len(adapter.tensors) - len(some)
    with pytest.raises(ValueError, match=f"not whole: {missing} of its {len(adapter.tensors)}"):
        load_vlm(Policy(policy.card, type(adapter)(adapter.config, some)))


def test_an_adapter_of_another_size_is_refused(policy, vlm):
    adapter = random_adapter(vlm.model)
    wider = {
        name: torch.cat([tensor, tensor], dim=1) if "lora_A" in name else tensor
        for name, tensor in adapter.tensors.items()
    }
    with pytest.raises(ValueError, match="another size, for '.*lora_A.weight'"):
        load_vlm(Policy(policy.card, type(adapter)(adapter.config, wider)))


@pytest.mark.parametrize("missing", ["/nowhere/model", "./nowhere", "data/06_models/none"])
def test_a_folder_that_is_not_there_is_named(missing):
    policy = policy_over(missing)
    with pytest.raises(FileNotFoundError, match=f"no model at '{missing}'.*`model.id`"):
        load_vlm(policy)


def test_an_unknown_hub_name_says_what_to_do():
    policy = policy_over("nobody/nothing")
    with pytest.raises(
        FileNotFoundError, match="(?s)'nobody/nothing' cannot be loaded.*`model.id`"
    ):
        load_vlm(policy)


def test_an_architecture_that_takes_pixels_alone_is_refused(tmp_path):
    small = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    tokens = tiny_vlm.tokenizer()
    vision = {**small, "image_size": 16, "patch_size": 8}
    GitForCausalLM(
        GitConfig(**small, vision_config=vision, vocab_size=len(tokens))
    ).save_pretrained(tmp_path)
    GitProcessor(CLIPImageProcessor(), tokens).save_pretrained(tmp_path)
    with pytest.raises(
        ValueError,
        match=r"GitForCausalLM cannot .* get_image_features\(\) and .* mm_encoder_outputs",
    ):
        load_vlm(policy_over(tmp_path))


def test_the_digest_sees_every_part(vlm):
    adapter = random_adapter(vlm.model)
    one = card("x", iteration=1)
    changed = {key: value.clone() for key, value in adapter.tensors.items()}
    next(iter(changed.values()))[0, 0] += 1e-3
    digests = {
        Policy(one).digest,
        Policy(replace(one, iteration=2)).digest,
        Policy(one, adapter).digest,
        Policy(one, type(adapter)(adapter.config, changed)).digest,
    }
    assert len(digests) == 4
    again = Card.from_record(dict(reversed(one.record().items())))
    assert Policy(again, adapter).digest == Policy(one, adapter).digest
