"""policy_N, new_images → scores → score_sheet."""

from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.scoring.nodes import lay_out_sheet, score_images


def create_pipeline(policy: str = "policy_0") -> Pipeline:
    """Score the new images with one policy.

    Args:
        policy: dataset of the policy.
    """
    return Pipeline(
        [
            Node(
                update_wrapper(partial(score_images, name=policy), score_images),
                inputs=[
                    policy,
                    "new_images",
                    "params:scoring",
                    "params:machine",
                    "checkpoints",
                ],
                outputs="scores",
                name="score_images",
            ),
            Node(lay_out_sheet, inputs="scores", outputs="score_sheet", name="lay_out_sheet"),
        ]
    )
