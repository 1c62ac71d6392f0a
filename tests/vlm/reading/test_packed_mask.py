import pytest
import tiny_vlm
import torch
import unfused_flex
from cards import policy_over
from torch.nn.attention import flex_attention
from torch.nn.functional import scaled_dot_product_attention

from selfscore.vlm.loading.flex import FLEX
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.log_probabilities import pack_texts
from selfscore.vlm.reading.packed_mask import block_mask, dense_mask
from selfscore.vlm.reading.shared_prefix import hidden_states, label_log_probabilities
from selfscore.vlm.response import write_response

# Different lengths, so that rows are padded; a shared start, and what another begins with.
ANSWERS = [
    [write_response(3, "The picture is sharp and the colours are strong."), write_response(8, "A")],
    [write_response(3, "It is blurred."), write_response(3, "It is blurred. It is sharp.")],
]
# Places of 128: two blocks of prefix and three of each answer, and padding behind the second row.
LONG = torch.tensor(
    [[1] * 256 + [2] * 384 + [3] * 384, [1] * 200 + [2] * 300 + [3] * 200 + [0] * 324]
)


def test_nothing_sees_padding_and_padding_is_a_number():
    mask = dense_mask(torch.tensor([[1, 2, 0, 0]]), torch.float32)[0, 0]
    assert (mask[:2, 2:] < 0).all()
    assert torch.isfinite(mask.softmax(dim=-1)).all()
    empty = dense_mask(torch.tensor([[0, 0]]), torch.float32)[0, 0]
    assert torch.isfinite(empty.softmax(dim=-1)).all()


def test_the_mask_is_in_the_dtype_asked_for():
    mask = dense_mask(torch.tensor([[1, 2]]), torch.bfloat16)
    assert mask.dtype == torch.bfloat16
    assert mask.min() == torch.finfo(torch.bfloat16).min


def test_just_the_blocks_in_which_nobody_looks_are_skipped():
    allowed = dense_mask(LONG, torch.float32) == 0
    in_blocks = allowed.unflatten(2, (8, 128)).unflatten(4, (8, 128)).any(dim=5).any(dim=3)
    assert torch.equal(block_mask(LONG).to_dense().bool(), in_blocks)
    # The second answer, blocks 5 to 7, sees the prefix and itself; nothing of the first.
    seen = in_blocks[0, 0, 7]
    assert seen.tolist() == [True, True, False, False, False, True, True, True]


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize("save", tiny_vlm.ARCHITECTURES)
def test_blocks_compute_what_the_written_out_mask_does(save, tmp_path, images, monkeypatch):
    unfused_flex.allow_gradients(monkeypatch)
    vlm = load_vlm(policy_over(save(tmp_path)))
    features = ImageEncoder(vlm, images)(list(images)[:2])
    packed = pack_texts(vlm, features, ANSWERS, "Rate it.")
    tokens = torch.cat([row.tokens for row in features])
    decoder = dict(vlm.model.get_decoder().named_parameters())
    masks = []
    vlm.model.get_decoder().register_forward_pre_hook(
        lambda _module, _inputs, options: masks.append(type(options["attention_mask"])),
        with_kwargs=True,
    )

    def weigh():
        vlm.model.zero_grad()
        hidden = hidden_states(vlm.model, packed, tokens)
        log_p = label_log_probabilities(vlm.model, hidden, packed)
        log_p.sum().backward()
        return log_p.detach(), {name: weight.grad for name, weight in decoder.items()}

    expected, gradients = weigh()
    vlm.model.set_attn_implementation({"text_config": FLEX})
    found, of_blocks = weigh()
    assert masks == [torch.Tensor, flex_attention.BlockMask]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    for name, gradient in gradients.items():
        scale = gradient.abs().max().item()
        torch.testing.assert_close(of_blocks[name], gradient, rtol=1e-4, atol=1e-5 * scale)


def test_all_but_packed_rows_goes_without_blocks(policy, images):
    vlm = load_vlm(policy)
    rows = {"input_ids": torch.tensor([[80, 81, 82], [83, 84, 85]]), "use_cache": False}
    rows["attention_mask"] = torch.tensor([[1, 1, 1], [0, 1, 1]])
    with torch.no_grad():
        expected = vlm.model(**rows).logits
        vlm.model.set_attn_implementation({"text_config": FLEX})
        assert torch.equal(vlm.model(**rows).logits, expected)


@pytest.mark.slow
@pytest.mark.skipif(
    " " in torch.__file__, reason="PyTorch 2.13 gives g++ its own folder without quotation marks"
)
def test_the_compiled_kernel_skips_nothing_that_counts():
    """PyTorch's C++ kernel goes by the blocks, as the one for a GPU does; forward only."""
    query, key, value = torch.randn(3, 2, 2, LONG.shape[1], 16, generator=torch.manual_seed(0))
    compiled = torch.compile(flex_attention.flex_attention)
    found = compiled(query, key, value, block_mask=block_mask(LONG))
    expected = scaled_dot_product_attention(query, key, value, dense_mask(LONG, torch.float32))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
