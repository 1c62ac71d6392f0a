from dataclasses import replace
from math import isqrt

import pytest
import stock
import tiny_vlm
import torch
from cards import policy_over
from PIL import ImageOps

from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.loading.views import average_views
from selfscore.vlm.policy import BaseModel
from selfscore.vlm.reading.features import ImageEncoder, compute_features
from selfscore.vlm.reading.packing_check import check_packing

# How the picture and its tokens are turned for each view, in their order.
TURNS = [
    lambda picture: picture,
    ImageOps.mirror,
    ImageOps.flip,
    lambda picture: ImageOps.flip(ImageOps.mirror(picture)),
]
AXES = [(), (1,), (0,), (0, 1)]


@pytest.fixture(scope="module", params=["idefics3", "llava"])
def policy(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "model"
    return policy_over(getattr(tiny_vlm, f"save_{request.param}")(folder))


def seeing(policy, views):
    base_model = replace(policy.card.base_model, views=views)
    return load_vlm(replace(policy, card=replace(policy.card, base_model=base_model)))


@pytest.fixture
def square(images):
    """Pictures that the processors leave as they are, so that turned ones have the same pixels."""
    return {"a": images["0.png"].resize((32, 32)), "b": images["1.png"].resize((32, 32))}


def tokens(vlm, images):
    return [row.tokens for row in compute_features(vlm, images, list(images))]


def tiles(rows, count):
    """[n, hidden] as [tiles, side, side, hidden]."""
    side = isqrt(count)
    return rows.reshape(-1, side, side, rows.shape[-1])


def tokens_a_tile(vlm):
    """As the architecture's own configuration has it."""
    vision, whole = vlm.model.config.vision_config, vlm.model.config
    patches = (vision.image_size // vision.patch_size) ** 2
    return patches // getattr(whole, "scale_factor", 1) ** 2


@pytest.mark.parametrize("views", [2, 4])
def test_tokens_are_the_mean_over_turned_pictures_each_token_at_its_place(policy, square, views):
    plain, several = seeing(policy, 1), seeing(policy, views)
    count = tokens_a_tile(plain)
    for key, found in zip(square, tokens(several, square), strict=True):
        (each,) = zip(
            *(tokens(plain, {key: turn(square[key])}) for turn in TURNS[:views]), strict=True
        )
        back = [
            tiles(rows, count).flip([1 + axis for axis in axes])
            for rows, axes in zip(each, AXES[:views], strict=True)
        ]
        wanted = torch.stack(back).mean(dim=0).reshape(found.shape)
        torch.testing.assert_close(found, wanted)
        assert found.is_contiguous() and not torch.allclose(found, each[0], atol=1e-3)


def test_a_mirrored_picture_has_the_mirrored_tokens(policy, square):
    vlm = seeing(policy, 2)
    count = tokens_a_tile(vlm)
    mirrored = {key: ImageOps.mirror(picture) for key, picture in square.items()}
    for one, other in zip(tokens(vlm, square), tokens(vlm, mirrored), strict=True):
        torch.testing.assert_close(tiles(one, count).flip(2), tiles(other, count))


def test_every_way_to_the_model_sees_the_same(policy, images):
    """Stored features, packed rows, and the model's own forward on the processor's pixels."""
    vlm = seeing(policy, 4)
    check_packing(ImageEncoder(vlm, images), "2.png", "Rate it.")
    inputs = stock.encode(vlm, images["2.png"], "Rate it.", [])
    with torch.inference_mode():
        several = vlm.model(**inputs).logits
        one = seeing(policy, 1).model(**inputs).logits
    assert not torch.allclose(several, one, atol=1e-3)


def test_one_view_leaves_the_model_alone(policy):
    vlm = seeing(policy, 1)
    assert not any(
        module._forward_hooks or module._forward_pre_hooks for module in vlm.model.modules()
    )


def test_an_architecture_without_tiles_of_pixels_is_refused():
    class Elsewhere(torch.nn.Module):
        base_model = torch.nn.Linear(1, 1)

    average_views(Elsewhere(), 1)
    with pytest.raises(ValueError, match=r"Elsewhere does not take.*set `model.views: 1`"):
        average_views(Elsewhere(), 2)


def test_a_tower_that_is_told_sizes_is_refused():
    class Tower(torch.nn.Module):
        def forward(self, pixel_values, image_sizes):
            return pixel_values

    whole, base = torch.nn.Module(), torch.nn.Module()
    base.vision_tower, base.multi_modal_projector = Tower(), torch.nn.Identity()
    whole.base_model = base
    average_views(whole, 2)
    with pytest.raises(ValueError, match=r"Tower takes pictures of different sizes.*views: 1"):
        base.vision_tower(torch.zeros(2, 3, 4, 4), image_sizes=torch.ones(2, 2))


def test_tokens_that_are_no_square_are_refused(policy, square):
    vlm = seeing(policy, 1)
    connector = next(
        module
        for name, module in vlm.model.base_model.named_children()
        if name in {"connector", "multi_modal_projector"}
    )
    connector.register_forward_hook(lambda module, args, output: output[:, 1:])
    average_views(vlm.model, 2)
    with pytest.raises(ValueError, match=r"has 15 tokens here.*set `model.views: 1`"):
        tokens(vlm, square)


def test_the_card_names_views_only_where_there_are_several():
    model = BaseModel("a", None, {}, 1)
    assert "views" not in model.record() and BaseModel.from_record(model.record()) == model
    several = replace(model, views=4)
    assert several.record()["views"] == 4 and BaseModel.from_record(several.record()) == several
    with pytest.raises(ValueError):
        BaseModel("a", None, {}, 3)
