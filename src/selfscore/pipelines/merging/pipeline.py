"""{expert}_adapter of every expert → merged_adapter → next_policy, merge_report."""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.merging.nodes import merge_experts, update_policy


def create_pipeline(experts: Sequence[str]) -> Pipeline:
    """The template of one round's merge.

    Args:
        experts: names of the experts.
    """
    return Pipeline(
        [
            Node(
                merge_experts,
                inputs={"settings": "params:merging", "seed": "params:seed"}
                | {name: f"{name}_adapter" for name in experts},
                outputs=["merged_adapter", "merged_energy"],
                name="merge_experts",
            ),
            Node(
                update_policy,
                inputs=["policy", "merged_adapter", "merged_energy", "params:merging"],
                outputs=["next_policy", "merge_report"],
                name="update_policy",
            ),
        ]
    )
