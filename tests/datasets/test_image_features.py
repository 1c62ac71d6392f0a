import pytest
import torch
from kedro.io import DatasetError

from selfscore.datasets.image_features import TOKENS, ImageFeaturesDataset
from selfscore.vlm.image_features import ImageFeatures, StoredFeatures

FEATURES = StoredFeatures(
    {"id": "a/model", "revision": "main"},
    {
        "a b/ü.jpg": ImageFeatures(torch.randn(3, 4), "<image>" * 3),
        "c.png": ImageFeatures(
            torch.randn(2, 4, dtype=torch.bfloat16), "<image><image>", torch.tensor([[1, 2, 4]])
        ),
    },
)


def test_features_come_back_as_they_were(tmp_path):
    dataset = ImageFeaturesDataset(filepath=str(tmp_path / "features"))
    dataset.save(FEATURES)
    found = dataset.load()
    assert found.base_model == FEATURES.base_model
    assert found.images.keys() == FEATURES.images.keys()
    for key, row in FEATURES.images.items():
        assert torch.equal(found.images[key].tokens, row.tokens)
        assert found.images[key].tokens.dtype == row.tokens.dtype
        assert found.images[key].placeholder == row.placeholder
    assert found.images["a b/ü.jpg"].grid is None
    assert torch.equal(found.images["c.png"].grid, torch.tensor([[1, 2, 4]]))


def test_none_at_all_can_be_stored(tmp_path):
    dataset = ImageFeaturesDataset(filepath=str(tmp_path / "features"))
    dataset.save(StoredFeatures({"id": "m", "revision": None}, {}))
    assert dataset.load().images == {}


def test_a_damaged_file_is_named(tmp_path):
    dataset = ImageFeaturesDataset(filepath=str(tmp_path / "features"))
    dataset.save(FEATURES)
    file = tmp_path / "features" / TOKENS
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(DatasetError, match="'tokens.safetensors' of the image features"):
        dataset.load()
