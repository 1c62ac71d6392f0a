import dataclasses

import pytest
from cards import PROMPTS
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from trl.data_utils import apply_chat_template, prepare_multimodal_messages

from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.tokens import (
    answer_ids,
    check_prompts,
    left_pad,
    level_strings,
    prompt_ids,
    render,
    start_ids,
)
from selfscore.vlm.response import Prompts, response_prefix, score_prefix, write_response


def trained(vlm, images, response):
    """Prompt and completion as TRL renders them."""
    turn = {
        "prompt": prepare_multimodal_messages(
            [{"role": "user", "content": "Rate it."}], images=[images["0.png"]]
        ),
        "chosen": prepare_multimodal_messages([{"role": "assistant", "content": response}]),
        "rejected": prepare_multimodal_messages([{"role": "assistant", "content": response}]),
    }
    return apply_chat_template(turn, vlm.processor)


def test_prompt_and_answer_are_tokenised_as_trl_trains_on_them(vlm, images):
    response = write_response(4, "The picture is sharp.")
    turn = trained(vlm, images, response)
    assert turn["prompt"] == render(vlm, "Rate it.")
    ids = vlm.tokenizer(turn["chosen"], add_special_tokens=False)["input_ids"]
    answer = answer_ids(vlm, "Rate it.", response)
    assert ids[: len(answer)] == answer
    assert answer[-1] == vlm.tokenizer.eos_token_id
    # The template ends a turn with a line break, which no model ever writes.
    assert vlm.tokenizer.decode(ids[len(answer) :]) == "\n"


def test_a_forced_start_is_the_start_of_the_whole_answer(vlm):
    start = start_ids(vlm, "Rate it.", response_prefix(4))
    assert answer_ids(vlm, "Rate it.", write_response(4, "It is sharp."))[: len(start)] == start
    assert start_ids(vlm, "Rate it.", "") == []


def test_a_prompt_is_what_the_processor_makes_of_it(vlm, images):
    (features,) = ImageEncoder(vlm, images)(["0.png"])
    inputs = vlm.processor(
        images=[[images["0.png"]]], text=[render(vlm, "Rate it.")], add_special_tokens=False
    )
    assert prompt_ids(vlm, features.placeholder, "Rate it.") == inputs["input_ids"][0]


def test_a_prompt_that_spells_the_image_token_is_refused_before_anything_is_computed(vlm):
    """It used to end in `tokens: 32, features: 16`, in the middle of a run."""
    with pytest.raises(ValueError, match="'Rate <image>.' holds '<image>'.*Leave it out"):
        prompt_ids(vlm, "<image>", "Rate <image>.")
    check_prompts(vlm, PROMPTS, 10)
    for prompts in (Prompts("Rate <image>.", "Why {level}?"), Prompts("Rate.", "<image> {level}")):
        with pytest.raises(ValueError, match="Leave it out of `prompts`"):
            check_prompts(vlm, prompts, 10)


def test_an_answer_that_spells_the_image_token_is_refused(vlm):
    with pytest.raises(ValueError, match="holds the model's image token"):
        answer_ids(vlm, "Rate it.", write_response(1, "It is <image> sharp."))


def test_rows_are_flush_right():
    ids, mask = left_pad([[5], [6, 7, 8]], pad=0)
    assert ids.tolist() == [[0, 0, 5], [6, 7, 8]]
    assert mask.tolist() == [[0, 0, 1], [1, 1, 1]]


def test_level_tokens_are_where_the_level_stands(vlm):
    start, strings = level_strings(vlm, "Rate it.", 10)
    tokens = [ids[0] for ids in strings]
    assert vlm.tokenizer.decode(start).endswith(score_prefix())
    assert [vlm.tokenizer.decode([token]) for token in tokens] == list("0123456789")
    for level, token in enumerate(tokens):
        whole = start_ids(vlm, "Rate it.", response_prefix(level))
        assert whole[: len(start) + 1] == [*start, token]


def test_a_level_of_two_tokens_is_told_from_a_shorter_one_by_its_end(vlm):
    start, strings = level_strings(vlm, "Rate it.", 12)
    assert [vlm.tokenizer.decode(ids) for ids in strings] == [f"{level}\n" for level in range(12)]
    for level, ids in enumerate(strings):
        whole = start_ids(vlm, "Rate it.", response_prefix(level))
        assert whole[: len(start) + len(ids)] == [*start, *ids]


def test_a_tokenizer_that_writes_levels_alike_is_refused(vlm):
    words = Tokenizer(models.WordLevel({"?": 0, "<image>": 1}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    processor = type("P", (), {"tokenizer": None})()
    processor.tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="?")
    processor.apply_chat_template = vlm.processor.apply_chat_template
    with pytest.raises(ValueError, match="does not tell all of the levels 0 to 9 apart"):
        level_strings(dataclasses.replace(vlm, processor=processor), "Rate it.", 10)


def test_a_template_that_does_not_put_the_answer_last_is_refused(vlm):
    processor = type("P", (), {"tokenizer": vlm.tokenizer})()
    processor.apply_chat_template = lambda messages, **options: str(len(messages))
    with pytest.raises(ValueError, match="plain template"):
        start_ids(dataclasses.replace(vlm, processor=processor), "Rate it.", "#Score")
