import small_levels
import tiny_vlm
from cards import MACHINE, policy_over
from small_training import IMAGES

from selfscore.pipelines.level_training.nodes import train_level
from selfscore.pipelines.level_training.pipeline import create_pipeline
from selfscore.vlm.image_features import StoredFeatures


def test_the_expert_is_trained_by_its_settings(tmp_path):
    policy = policy_over(tiny_vlm.save_idefics3(tmp_path))
    features = StoredFeatures(policy.card.base_model.record(), {})
    settings = small_levels.settings(epochs=1, batch_size=2, rank=2)
    adapter, log = train_level(
        policy, small_levels.examples(4), IMAGES, features, settings, MACHINE, 0, {}
    )
    assert adapter.config["r"] == 2
    assert log["step"].tolist() == [1, 2]


def test_a_round_without_the_expert_has_no_such_stage():
    assert not create_pipeline(["scoring"]).nodes
    assert create_pipeline(["scoring", "level"]).all_outputs() == {
        "level_adapter",
        "level_training_log",
    }
