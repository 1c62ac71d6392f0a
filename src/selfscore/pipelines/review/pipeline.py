"""generations, readings of all rounds → pairs_to_read, pair_labels → pair_label_figures."""

from kedro.pipeline import Node, Pipeline

from selfscore.configuration.layout import Layout, namespace
from selfscore.pipelines.review.nodes import choose_pairs, measure_reading


def create_pipeline(layout: Layout) -> Pipeline:
    """Which pairs are read, and what readers said of them.

    Args:
        layout: how many rounds there are.
    """
    return Pipeline(
        [
            Node(
                choose_pairs,
                inputs={
                    "scored_images": "scored_images",
                    "settings": "params:review",
                    "seed": "params:seed",
                    **sources(layout),
                },
                outputs="pairs_to_read",
                name="choose_pairs",
            ),
            Node(
                measure_reading,
                inputs=["pair_labels", "pairs_to_read", "params:review", "params:seed"],
                outputs=["pair_label_table", "pair_label_figures"],
                name="measure_reading",
            ),
        ]
    )


def sources(layout: Layout) -> dict[str, str]:
    """Argument of `choose_pairs` → dataset: each round's texts, and what judges read in them."""
    found = {}
    for number in range(1, layout.rounds + 1):
        written = 0 if number == 1 and layout.base_texts else number
        found[f"generations_{number}"] = f"{namespace(written)}.generations"
        found[f"readings_{number}"] = f"{namespace(number)}.readings"
    return found
