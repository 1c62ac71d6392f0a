"""TRL's DPOTrainer, with chosen and rejected in one row behind one image and prompt.

TRL keeps everything it does: losses, metrics, optimiser, checkpoints, callbacks, accelerate. What
changes is how the log-probabilities come about that it asks its model for. The collator lays each
pair out as one packed row (`selfscore.vlm.reading.shared_prefix`), and the model's forward answers
with the same per-token fields, in the same order, as for two rows a pair.

Knows TRL and packed rows; knows nothing of Kedro, scores, or where the reference comes from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import set_peft_model_state_dict
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import TrainerState
from trl import DPOTrainer

from selfscore.preference_optimization.determinism import as_before, stay_in_evaluation
from selfscore.vlm.reading.features import ImageEncoder, image_inputs, run_tower
from selfscore.vlm.reading.log_probabilities import pack_texts
from selfscore.vlm.reading.shared_prefix import IGNORED, packed_inputs

if TYPE_CHECKING:
    from transformers import PreTrainedModel

REFERENCE = ("ref_chosen_logps", "ref_rejected_logps")
# Fields of the fused head's output that hold one number a token.
_PER_TOKEN = ("log_probs", "entropy", "log_sum_sq_probs", "mean_logits", "is_top1")


class SharedPrefixDPOTrainer(DPOTrainer):
    """DPOTrainer over packed rows; the data collator must be a `PackedPairCollator`.

    Where the training data has the columns `ref_chosen_logps` and `ref_rejected_logps`, they are
    the reference; elsewhere TRL computes it with the adapter switched off, also on packed rows.
    Where it has the column `name`, that is what errors call a pair; elsewhere it is the image.
    A loss or a gradient that is not finite stops the training before it spoils the weights. The
    model is trained in evaluation mode, see `stay_in_evaluation`.

    Args:
        model: is given an adapter, see `peft_config`; `release` takes it away.
    """

    def __init__(self, model: PreTrainedModel, *args: Any, **kwargs: Any) -> None:
        self._plain = model
        self._plain_forward = model.__dict__.get("forward")
        self._step_names: list[str] = []
        super().__init__(model, *args, **kwargs)
        answer_packed_rows(self._plain)
        stay_in_evaluation(self._plain)
        # Not as TRL's own argument, which it refuses for images because it would compute them.
        self.precompute_ref_logps = set(REFERENCE) <= set(self.train_dataset.column_names)

    def release(self) -> None:
        """Give the model back without the adapter, with its own forward; the trainer is done."""
        self.model.unload()
        as_before(self._plain)
        del self._plain.forward
        if self._plain_forward is not None:
            self._plain.forward = self._plain_forward

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """TRL's loss of one batch.

        Raises:
            FloatingPointError: it is not finite.
        """
        names = inputs.pop("names")
        self._step_names += names
        loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        self._check("loss", loss[0] if return_outputs else loss, names)
        return loss

    def _clip_grad_norm(self, model: nn.Module) -> Any:
        # The last that is called before the weights are changed.
        norm = super()._clip_grad_norm(model)
        self._check("gradient", norm, self._step_names)
        self._step_names = []
        return norm

    def _check(self, what: str, value: Tensor, names: Sequence[str]) -> None:
        if not value.isfinite():
            raise FloatingPointError(
                f"The DPO {what} became {value.item()} at step {self.state.global_step + 1}, in "
                f"the pairs {', '.join(names)}. Look at these rows of the expert's table of pairs, "
                "lower `dpo_training.lr` or raise `dpo_training.beta`. The same settings would "
                "come to the same step again."
            )

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: nn.Module | None = None
    ) -> None:
        # PEFT would widen an adapter in half precision, as TRL gives it to a 4-bit model, to 32
        # bits, and the training would not go on as it was.
        folder = Path(resume_from_checkpoint)
        set_peft_model_state_dict(self.model, load_file(folder / "adapter_model.safetensors"))
        # TRL begins to count at zero.
        history = TrainerState.load_from_json(str(folder / "trainer_state.json")).log_history
        counts = [row["num_tokens"] for row in history if "num_tokens" in row]
        self._total_train_tokens = counts[-1] if counts else 0


class PackedPairCollator:
    """Makes a batch of packed rows from pairs.

    Args:
        encoder: the policy and its images.
        instruction: what the responses answer.
        tower_frozen: whether training leaves the tower as it is. If not, pixels go into the batch
            instead of features, and the tower runs in the step, once an image.
    """

    def __init__(self, encoder: ImageEncoder, instruction: str, tower_frozen: bool) -> None:
        self._encoder = encoder
        self._instruction = instruction
        self._tower_frozen = tower_frozen

    def __call__(self, pairs: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The batch: TRL's inputs for 2B answers, and the B rows they are computed from.

        Args:
            pairs: `images` (one key), `chosen` and `rejected` (whole responses), where the
                reference is known its summed log-probabilities, and perhaps a `name`.
        """
        keys = [pair["images"][0] for pair in pairs]
        texts = [[pair["chosen"], pair["rejected"]] for pair in pairs]
        image = self._image_batch(keys)
        packed = pack_texts(self._encoder.vlm, image.pop("features"), texts, self._instruction)
        # TRL's order: all chosen, then all rejected.
        labels = packed.labels.transpose(0, 1).flatten(0, 1)
        columns = packed.columns.transpose(0, 1).flatten(0, 1)
        # TRL predicts each token from the place before it; the first place predicts none.
        before = torch.full((len(labels), 1), IGNORED)
        whole = torch.cat([before, labels], dim=1)
        batch = {
            "input_ids": whole.clamp(min=0),
            "completion_mask": (whole != IGNORED).long(),
            "attention_mask": (packed.segments > 0).long(),
            "packed_ids": packed.input_ids,
            "segments": packed.segments,
            "packed_positions": packed.position_ids,
            "columns": columns,
            **image,
        }
        for name in REFERENCE:
            if name in pairs[0]:
                batch[name] = torch.tensor([pair[name] for pair in pairs])
        batch["names"] = [pair.get("name", pair["images"][0]) for pair in pairs]
        return batch

    def _image_batch(self, keys: Sequence[str]) -> dict[str, Any]:
        if self._tower_frozen:
            features = self._encoder(keys)
            return {
                "features": features,
                "image_tokens": torch.cat([row.tokens for row in features]),
            }
        pixels, features = image_inputs(self._encoder.vlm, self._encoder.images, keys)
        return {"features": features, "pixels": pixels}


def answer_packed_rows(model: PreTrainedModel) -> None:
    """Let a model with TRL's fused head answer `PackedPairCollator`'s batches.

    The packed rows run through the model without its head; the hidden states that predict answer
    tokens, and no others, go on to TRL's fused head, and what it says of each token is put where
    TRL expects it: [2B, T], zero where there is no token.
    """
    fused = model.forward

    def forward(*args: Any, packed_ids: Tensor | None = None, **kwargs: Any) -> Any:
        if packed_ids is None:
            return fused(*args, **kwargs)
        labels = kwargs["labels"][:, 1:]
        known = labels != IGNORED
        image = torch.arange(len(packed_ids), device=labels.device).repeat(2)
        at = image[:, None].expand_as(labels)[known], kwargs["columns"][known]
        tokens = kwargs.get("image_tokens")
        if tokens is None:
            tokens = torch.cat(run_tower(model, kwargs["pixels"]))
        inputs = packed_inputs(packed_ids, kwargs["segments"], kwargs["packed_positions"], tokens)
        with _only(model.base_model, at):
            output = fused(**inputs, shift_labels=labels[known][None], fused_lm_head=True)
        for name in _PER_TOKEN:
            values = output.get(name)
            if values is not None:
                whole = values.new_zeros(labels.shape).masked_scatter(known, values[0])
                setattr(output, name, whole)
        return output

    model.forward = forward  # type: ignore[method-assign]


@contextmanager
def _only(backbone: nn.Module, at: tuple[Tensor, Tensor]) -> Iterator[None]:
    """Let the backbone pass on the hidden states at (row, column) alone, as one row."""

    def select(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state[at][None]
        return output

    hook = backbone.register_forward_hook(select)
    try:
        yield
    finally:
        hook.remove()
