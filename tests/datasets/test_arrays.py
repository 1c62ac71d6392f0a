import numpy as np
import pytest
from kedro.io import DatasetError

from selfscore.datasets.arrays import ArraysDataset


def test_arrays_come_back_as_they_were_saved(tmp_path):
    dataset = ArraysDataset(filepath=str(tmp_path / "new" / "arrays.safetensors"))
    assert not dataset.exists()
    arrays = {
        "pixels": np.arange(24, dtype=np.uint8).reshape(2, 3, 4).transpose(2, 0, 1),
        "severities.blur": np.array([0.25, 0.5], dtype=np.float32),
    }
    dataset.save(arrays)
    assert dataset.exists()
    loaded = dataset.load()
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded[name], array)


def test_a_missing_file_is_named(tmp_path):
    dataset = ArraysDataset(filepath=str(tmp_path / "none.safetensors"))
    with pytest.raises(DatasetError, match="none.safetensors"):
        dataset.load()
