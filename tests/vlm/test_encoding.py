import dataclasses

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from trl.data_utils import apply_chat_template, prepare_multimodal_messages

from selfscore.vlm.encoding import encode, level_tokens, render
from selfscore.vlm.response import response_prefix, score_prefix, write_response


def test_a_forced_start_is_rendered_as_training_renders_the_whole_response(vlm, images):
    response = write_response(4, "The picture is sharp.")
    turn = {
        "prompt": prepare_multimodal_messages(
            [{"role": "user", "content": "Rate it."}], images=[images["0.png"]]
        ),
        "chosen": prepare_multimodal_messages([{"role": "assistant", "content": response}]),
        "rejected": prepare_multimodal_messages([{"role": "assistant", "content": response}]),
    }
    trained = apply_chat_template(turn, vlm.processor)
    whole = trained["prompt"] + trained["chosen"]
    assert whole.startswith(render(vlm, "Rate it.", response_prefix(4)))
    assert whole.startswith(render(vlm, "Rate it."))


def test_inputs_are_left_padded(vlm, images):
    texts = [render(vlm, "Rate it."), render(vlm, "Rate it.", response_prefix(3))]
    inputs = encode(vlm, [images["0.png"], images["1.png"]], texts)
    mask = inputs["attention_mask"]
    assert mask[1].all()
    assert mask[0, 0] == 0
    assert mask[0, -1] == 1


def test_level_tokens_are_where_the_level_stands(vlm):
    text, tokens = level_tokens(vlm, "Rate it.", 10)
    assert text.endswith(score_prefix())
    assert [vlm.tokenizer.decode([token]) for token in tokens] == list("0123456789")


def test_levels_of_two_tokens_are_refused(vlm):
    with pytest.raises(ValueError, match="levels 0 to 11 as one token each"):
        level_tokens(vlm, "Rate it.", 12)


def test_a_tokenizer_that_glues_the_level_to_its_neighbours_is_refused(vlm):
    words = Tokenizer(models.WordLevel({"?": 0, "<image>": 1}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    processor = type("P", (), {"tokenizer": None})()
    processor.tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="?")
    processor.apply_chat_template = vlm.processor.apply_chat_template
    with pytest.raises(ValueError, match="one token each"):
        level_tokens(dataclasses.replace(vlm, processor=processor), "Rate it.", 10)
