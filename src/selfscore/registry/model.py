"""A policy as MLflow serves it: images in a table come in, scores and explanations go out.

Knows `Scorer` and the layout of a handoff; knows no registry.
"""

from __future__ import annotations

import base64
import binascii
import io
import os
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.environment_variables import _MLFLOW_IS_IN_SERVING_ENVIRONMENT
from mlflow.models import ModelSignature
from mlflow.pyfunc import PythonModel, PythonModelContext
from mlflow.types import DataType, ParamSchema, ParamSpec
from mlflow.types.schema import AnyType, Array, ColSpec, Schema
from PIL import Image

from selfscore.datasets.pixels import UnreadableImageError, decode
from selfscore.handoff import bundle
from selfscore.provenance.base_model import describe_base_model
from selfscore.scoring.pictures import Picture, pictures
from selfscore.scoring.policies import FoundPolicy, read_policy

# Names in the stored model: of the handoff, and of the setting that says where the base model is.
HANDOFF = "handoff"
BASE_MODEL = "base_model"
_IMAGE = "image"
_RESULTS: dict[str, DataType | Array] = {
    "score": DataType.double,
    "lowest_score": DataType.double,
    "highest_score": DataType.double,
    "level": DataType.long,
    "explanation": DataType.string,
    "error": DataType.string,
    "probabilities": Array(DataType.double),
}
_ORIGIN: dict[str, DataType | Array] = {
    "unit": DataType.string,
    "scale": Array(DataType.double),
    "policy": DataType.string,
    "policy_digest": DataType.string,
    "model": DataType.string,
    "model_revision": DataType.string,
    "selfscore_version": DataType.string,
}


class PolicyModel(PythonModel):  # type: ignore[misc]
    """Scores the images of a table with the policy of a handoff."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the policy, and put it on its base model.

        The base model is where the setting `base_model` says, else where the policy names it: as
        an id on the hub, or as a folder that counts from where this runs.

        Raises:
            ValueError: the base model is another one than the policy was trained on.
            FileNotFoundError: it is not there.
        """
        from selfscore.scoring import Scorer

        folder = Path(context.artifacts[HANDOFF])
        index = bundle.read_index(folder)
        policy = read_policy(folder / bundle.POLICY).policy
        name = index.policy["dataset"]
        named = (context.model_config or {}).get(BASE_MODEL)
        base = named or FoundPolicy(policy, name, Path.cwd()).base_model
        described = describe_base_model({"model": {"id": base}}, Path.cwd())
        if {"sha256"} <= described.keys() & index.base_model.keys() and (
            described["sha256"] != index.base_model["sha256"]
        ):
            raise ValueError(
                f"The base model in '{base}' is not the one that {name} was trained on. Say where "
                f"that one is: model_config={{'{BASE_MODEL}': …}}."
            )
        self._scorer = Scorer(policy, name, base)

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Score the images.

        Args:
            context: unused, part of MLflow's signature.
            model_input: column `image`: the bytes of a file, the same in base64 (also as a data
                URL), or, except behind a server, the path of a file.
            params: `explain`, whether to write explanations, which takes most of the time.

        Returns:
            One row an image, in their order, with the columns of `ScoredImage.record`; what could
            not be scored has its reason in `error`.
        """
        explain = bool((params or {}).get("explain", True))
        found = self._scorer.score_each(_pictures(model_input[_IMAGE]), explain)
        # As objects, for JSON has no missing numbers but null.
        return pd.DataFrame([one.record() for one in found], dtype=object)


def signature() -> ModelSignature:
    """What goes in and what comes out."""
    columns = [ColSpec(kind, name, required=False) for name, kind in _RESULTS.items()]
    origin = [ColSpec(kind, name, required=False) for name, kind in _ORIGIN.items()]
    return ModelSignature(
        # Bytes or text; with a type for either, MLflow would turn one into the other.
        Schema([ColSpec(AnyType(), _IMAGE)]),
        Schema([ColSpec(DataType.string, _IMAGE), *columns, *origin]),
        ParamSchema([ParamSpec("explain", DataType.boolean, True)]),
    )


def input_example() -> pd.DataFrame:
    """One small image, as it is sent to a server."""
    content = io.BytesIO()
    Image.linear_gradient("L").resize((32, 32)).save(content, "PNG")
    return pd.DataFrame({_IMAGE: [base64.b64encode(content.getvalue()).decode()]})


def _pictures(images: Iterable[Any]) -> Iterator[Picture]:
    # Whoever can send requests must not learn which files there are on the server. MLflow says only
    # by a private name that this is one.
    with_paths = not _MLFLOW_IS_IN_SERVING_ENVIRONMENT.get()
    for place, image in enumerate(images, start=1):
        if with_paths and isinstance(image, str) and os.path.isfile(image):
            yield from pictures([image])
            continue
        content = bytes(image) if isinstance(image, bytes | bytearray) else _from_base64(image)
        read = partial(_refuse, with_paths) if content is None else partial(decode, content)
        yield Picture(f"image {place}", read)


def _from_base64(text: Any) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode("".join(text.rpartition("base64,")[2].split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _refuse(with_paths: bool) -> Image.Image:
    what = "neither a file here nor an image in base64" if with_paths else "not an image in base64"
    raise UnreadableImageError(what)
