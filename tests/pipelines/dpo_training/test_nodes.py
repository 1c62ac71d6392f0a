import pandas as pd
import tiny_vlm
from images import coloured_images

from selfscore.pipelines.dpo_training.nodes import train_expert
from selfscore.vlm.policy import Policy
from selfscore.vlm.response import write_response


def test_settings_of_one_expert_are_laid_over_the_shared_ones(tmp_path):
    images = coloured_images(4)
    pairs = pd.DataFrame(
        {
            "path": list(images),
            "chosen": write_response(3, "The picture is sharp."),
            "rejected": write_response(8, "It is blurred."),
        }
    )
    parameters = {
        "beta": 0.3,
        "lr": 1e-3,
        "rank": 4,
        "alpha": 8,
        "epochs": 1,
        "batch_size": 2,
        "rpo_alpha": 0.0,
        "loss_type": "sigmoid",
        "warmup_ratio": 0.1,
        "max_grad_norm": 1.0,
        "experts": {"scoring": {"rank": 2}},
    }
    folder = tiny_vlm.save_idefics3(tmp_path)
    policy = Policy({"base_model": {"id": str(folder), "revision": None}, "iteration": 0})
    prompts = {"rating": "Rate it.", "justify": "Why {level}?"}
    ranks = {}
    for expert in ("scoring", "consistency"):
        adapter, log = train_expert(policy, pairs, images, parameters, prompts, 0, expert)
        ranks[expert] = adapter.config["r"]
        assert len(log) >= 1
    assert ranks == {"scoring": 2, "consistency": 4}
