"""The demo model's tokenizer and chat template."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

IMAGE, IMAGE_EDGE, GLOBAL_IMAGE = "<image>", "<fake_token_around_image>", "<global-img>"
END_OF_UTTERANCE, PADDING, UNKNOWN = "<end_of_utterance>", "<pad>", "<unk>"
USER, ASSISTANT = "<|user|>", "<|assistant|>"

#: Each turn is a role token, the content and an end token, so a forced start of an answer
#: always tokenises as the start of the whole answer.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|user|>' if message['role'] != 'assistant' else '<|assistant|>' }}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<image>' }}"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<end_of_utterance>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer that writes every digit as a token of its own.

    Args:
        texts: Texts like those the model will read and write.
        vocabulary: Number of tokens, special ones included; at least 300.

    Returns:
        A tokenizer that pads on the left.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [
        PADDING, UNKNOWN, END_OF_UTTERANCE, USER, ASSISTANT, IMAGE, IMAGE_EDGE, GLOBAL_IMAGE,
    ]  # fmt: skip
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        padding_side="left",
        pad_token=PADDING,
        unk_token=UNKNOWN,
        eos_token=END_OF_UTTERANCE,
        extra_special_tokens={
            "image_token": IMAGE,
            "fake_image_token": IMAGE_EDGE,
            "global_image_token": GLOBAL_IMAGE,
            "end_of_utterance_token": END_OF_UTTERANCE,
            "user_token": USER,
            "assistant_token": ASSISTANT,
        },
        model_max_length=512,
    )
