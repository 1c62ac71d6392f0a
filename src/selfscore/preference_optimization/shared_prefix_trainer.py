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
from torch import Tensor, nn
from transformers import TrainerState
from trl import DPOTrainer

from selfscore.expert_training.image_batches import image_batch, image_tokens
from selfscore.expert_training.together import Share, ending_alike, gather, share_of
from selfscore.expert_training.watched_trainer import WatchedTrainer
from selfscore.vlm.reading.log_probabilities import pack_texts
from selfscore.vlm.reading.shared_prefix import IGNORED, packed_inputs

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from selfscore.vlm.reading.features import ImageEncoder

REFERENCE = ("ref_chosen_logps", "ref_rejected_logps")
# Fields of the fused head's output that hold one number a token.
_PER_TOKEN = ("log_probs", "entropy", "log_sum_sq_probs", "mean_logits", "is_top1")


class SharedPrefixDPOTrainer(WatchedTrainer, DPOTrainer):
    """DPOTrainer over packed rows; the data collator must be a `PackedPairCollator`.

    Where the training data has the columns `ref_chosen_logps` and `ref_rejected_logps`, they are
    the reference; elsewhere TRL computes it with the adapter switched off, also on packed rows.
    Where it has the column `name`, that is what errors call a pair; elsewhere it is the image.

    Args:
        model: is given an adapter, see `peft_config`; `release` takes it away.
        learns_start: whether the tokens that chosen and rejected begin with are learnt, as by TRL.
            In a preference they cancel, unless its loss is no function of the difference; the
            likelihood of the chosen answer has them.
    """

    kind = "DPO"
    rows = "pairs"
    remedy = (
        "Look at these rows of the expert's table of pairs, lower `dpo_training.lr` or raise "
        "`dpo_training.beta`."
    )

    def __init__(
        self, model: PreTrainedModel, *args: Any, learns_start: bool = True, **kwargs: Any
    ) -> None:
        self._plain_forward = model.__dict__.get("forward")
        super().__init__(model, *args, **kwargs)
        answer_packed_rows(self._plain, learns_start)
        # Not as TRL's own argument, which it refuses for images because it would compute them.
        self.precompute_ref_logps = set(REFERENCE) <= set(self.train_dataset.column_names)

    def release(self) -> None:
        """Give the model back without the adapter, with its own forward; the trainer is done."""
        super().release()
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
        """TRL's loss of one batch, see `watch`."""
        names = inputs.pop("names")
        loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        self.watch(loss[0] if return_outputs else loss, names)
        return loss

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: nn.Module | None = None
    ) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        # TRL begins to count at zero.
        state = TrainerState.load_from_json(str(Path(resume_from_checkpoint, "trainer_state.json")))
        counts = [row["num_tokens"] for row in state.log_history if "num_tokens" in row]
        self._total_train_tokens = counts[-1] if counts else 0


class PackedPairCollator:
    """Makes a batch of packed rows from pairs.

    Args:
        encoder: the policy and its images.
        instruction: what the responses answer.
        tower_frozen: whether training leaves the tower as it is, see `image_batch`.
    """

    def __init__(self, encoder: ImageEncoder, instruction: str, tower_frozen: bool) -> None:
        self._encoder = encoder
        self._instruction = instruction
        self._tower_frozen = tower_frozen

    def __call__(self, pairs: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The batch: TRL's inputs for 2B answers, and of the B rows those computed here.

        Args:
            pairs: `images` (one key), `chosen` and `rejected` (whole responses), where the
                reference is known its summed log-probabilities, and perhaps a `name`.
        """
        keys = [pair["images"][0] for pair in pairs]
        texts = [[pair["chosen"], pair["rejected"]] for pair in pairs]
        rows = share_of(len(keys)).rows
        image = image_batch(self._encoder, keys[rows], self._tower_frozen)
        features = image.pop("features")
        if len(features) < len(keys):
            features = image_batch(self._encoder, keys, self._tower_frozen)["features"]
        packed = pack_texts(self._encoder.vlm, features, texts, self._instruction)
        # TRL's order: all chosen, then all rejected.
        labels = packed.labels.transpose(0, 1).flatten(0, 1)
        columns = packed.columns[rows].transpose(0, 1).flatten(0, 1)
        # TRL predicts each token from the place before it; the first place predicts none.
        before = torch.full((len(labels), 1), IGNORED)
        whole = torch.cat([before, labels], dim=1)
        batch = {
            "input_ids": whole.clamp(min=0),
            "completion_mask": (whole != IGNORED).long(),
            "attention_mask": (packed.segments > 0).long(),
            "packed_ids": packed.input_ids[rows],
            "segments": packed.segments[rows],
            "packed_positions": packed.position_ids[..., rows, :],
            "columns": columns,
            **image,
        }
        for name in REFERENCE:
            if name in pairs[0]:
                batch[name] = torch.tensor([pair[name] for pair in pairs])
        batch["names"] = [pair.get("name", pair["images"][0]) for pair in pairs]
        return batch


def answer_packed_rows(model: PreTrainedModel, learns_start: bool) -> None:
    """Let a model with TRL's fused head answer `PackedPairCollator`'s batches.

    The packed rows, of this process's share, run through the model without its head; the hidden
    states that predict answer tokens, and no others, go on to TRL's fused head, and what it says of
    each token is put where TRL expects it: [2B, T], zero where there is no token.

    Args:
        model: with TRL's fused head.
        learns_start: see `SharedPrefixDPOTrainer`; where not, those tokens have no gradient.
    """
    fused = model.forward

    def forward(*args: Any, packed_ids: Tensor | None = None, **kwargs: Any) -> Any:
        if packed_ids is None:
            return fused(*args, **kwargs)
        share = share_of(len(kwargs["labels"]) // 2)
        # Chosen and rejected of the share's pairs.
        labels = kwargs["labels"][:, 1:].unflatten(0, (2, -1))[:, share.rows].flatten(0, 1)
        known = labels != IGNORED
        image = torch.arange(len(packed_ids), device=labels.device).repeat(2)
        at = image[:, None].expand_as(labels)[known], kwargs["columns"][known]

        def run() -> Any:
            tokens = image_tokens(model, kwargs)
            inputs = packed_inputs(
                model, packed_ids, kwargs["segments"], kwargs["packed_positions"], tokens
            )
            with _only(model.base_model, at):
                return fused(**inputs, shift_labels=labels[known][None], fused_lm_head=True)

        output = ending_alike(run)
        for name in _PER_TOKEN:
            values = output.get(name)
            if values is not None:
                mine = values.new_zeros(labels.shape).masked_scatter(known, values[0])
                if name == "log_probs" and not learns_start:
                    mine = torch.where(_begun_alike(labels), mine.detach(), mine)
                setattr(output, name, _of_all(mine, share))
        return output

    model.forward = forward  # type: ignore[method-assign]


def _begun_alike(labels: Tensor) -> Tensor:
    """[2b, T]: whether chosen and rejected are the same up to this token."""
    chosen, rejected = labels.unflatten(0, (2, -1))
    return (chosen == rejected).long().cumprod(dim=1).bool().repeat(2, 1)


def _of_all(values: Tensor, share: Share) -> Tensor:
    """A field of both answers of all pairs, [2B, T], from that of the share's, [2b, T]."""
    by_pair = values.unflatten(0, (2, -1)).transpose(0, 1)
    return gather(by_pair, share).transpose(0, 1).flatten(0, 1)


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
