import pytest
import tiny_vlm
from cards import policy_over
from transformers import Idefics3ImageProcessorPil
from transformers.models.auto import image_processing_auto

from selfscore.datasets.pretrained_model import PretrainedModelDataset
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.loading.processor import load_processor


@pytest.fixture
def torchvision(monkeypatch):
    """As if torchvision 0.28 were there: the backends that transformers is asked for."""
    asked = []
    load = image_processing_auto._load_backend_class

    def chosen(name, backend, *rest):
        asked.append(backend)
        return load(name, "pil", *rest)

    monkeypatch.setattr(image_processing_auto, "is_torchvision_available", lambda: True)
    monkeypatch.setattr(image_processing_auto, "DEFAULT_TO_PIL_BACKEND_IMAGE_PROCESSORS", [])
    monkeypatch.setattr(image_processing_auto, "_load_backend_class", chosen)
    return asked


def test_pictures_are_resized_by_pillow_where_torchvision_is_there_too(tmp_path, torchvision):
    folder = tiny_vlm.save_idefics3(tmp_path / "model")
    image_processing_auto.AutoImageProcessor.from_pretrained(folder)
    assert torchvision == ["torchvision"], "transformers' own choice"
    for load in (
        lambda: load_processor(folder),
        lambda: load_vlm(policy_over(folder)).processor,
        lambda: PretrainedModelDataset(filepath=str(folder))._read(folder).processor,
    ):
        assert type(load().image_processor) is Idefics3ImageProcessorPil
        assert torchvision[-1] == "pil"


def test_the_demo_model_asks_for_a_filter_that_pillow_alone_has(project, torchvision):
    processor = load_processor(project / "data/06_models/demo_model")
    assert processor.image_processor.resample == 4
    assert torchvision[-1] == "pil"


def test_options_reach_the_image_processor_and_an_unknown_one_is_named(tmp_path):
    folder = tiny_vlm.save_idefics3(tmp_path)
    size = {"longest_edge": 16}
    found = load_processor(folder, {"size": size}).image_processor
    assert dict(found.size)["longest_edge"] == 16
    with pytest.raises(ValueError, match="has no option 'syze': correct `model.processor`"):
        load_processor(folder, {"syze": size})
