"""TRL's DPOTrainer, with chosen and rejected in one row behind one image and prompt.

TRL keeps everything it does: losses, metrics, optimiser, checkpoints, callbacks, accelerate. What
changes is how the log-probabilities come about that it asks its model for. The collator lays each
pair out as one packed row (`selfscore.vlm.reading.shared_prefix`), and the model's forward answers
with the same per-token fields, in the same order, as for two rows a pair.

Knows TRL and packed rows; knows nothing of Kedro, scores, or where the reference comes from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import TrainerState
from trl import DPOTrainer

from selfscore.expert_training.image_batches import image_batch, image_tokens
from selfscore.expert_training.together import Share, ending_alike, gather, mean_of_all, share_of
from selfscore.expert_training.watched_trainer import WatchedTrainer
from selfscore.vlm.model import VLM
from selfscore.vlm.reading.log_probabilities import pack_texts
from selfscore.vlm.reading.shared_prefix import (
    IGNORED,
    PackedAnswers,
    hidden_states,
    label_states,
    packed_inputs,
    state_divergence,
)
from selfscore.vlm.reading.stray_tokens import stray_loss, stray_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from selfscore.vlm.reading.features import ImageEncoder

REFERENCE = ("ref_chosen_logps", "ref_rejected_logps")
# Fields of the fused head's output that hold one number a token.
_PER_TOKEN = ("log_probs", "entropy", "log_sum_sq_probs", "mean_logits", "is_top1")


@dataclass(frozen=True)
class AnswerStates:
    """The hidden states that predict the answers of a batch.

    Attributes:
        states: [n, hidden], of all chosen answers, then of all rejected ones.
        labels: [n] the tokens that come there.
        begins: [n] bool, what chosen and rejected begin with, once a pair.
    """

    states: Tensor
    labels: Tensor
    begins: Tensor

    @property
    def start(self) -> Tensor:
        """[m, hidden], the states at what both answers begin with."""
        return self.states[self.begins]


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
        score_weight: of KL(reference ‖ policy) at each of these tokens, of which one is the score
            where both have the same; the mean over tokens is added to TRL's loss and logged as
            `score_divergence`.
        stray_weight: of `stray_loss` at each token of both answers that is none of `stray_tokens`;
            the mean over tokens is added to TRL's loss and logged as `stray_loss`.
    """

    kind = "DPO"
    rows = "pairs"
    remedy = (
        "Look at these rows of the expert's table of pairs, lower `dpo_training.lr` or raise "
        "`dpo_training.beta`."
    )

    def __init__(
        self,
        model: PreTrainedModel,
        *args: Any,
        learns_start: bool = True,
        score_weight: float = 0.0,
        stray_weight: float = 0.0,
        **kwargs: Any,
    ) -> None:
        self._score_weight = score_weight
        self._stray_weight = stray_weight
        self._seen: list[AnswerStates] = []
        self._plain_forward = model.__dict__.get("forward")
        super().__init__(model, *args, **kwargs)
        looked_at = score_weight > 0 or stray_weight > 0
        answer_packed_rows(self._plain, learns_start, self._seen if looked_at else None)
        self._stray = stray_tokens(VLM(self._plain, self.processing_class))
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
        found = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        loss = found[0] if return_outputs else found
        share = share_of(len(inputs["input_ids"]) // 2)
        # TRL may have asked for the reference's answers too.
        of_policy = [each for each in self._seen if each.states.requires_grad]
        self._seen.clear()
        if self._score_weight:
            held = self._score_divergence(inputs, of_policy[0], share)
            loss = loss + self._score_weight * self._noted("score_divergence", held)
        if self._stray_weight:
            broken = self._stray_loss(of_policy[0], share)
            loss = loss + self._stray_weight * self._noted("stray_loss", broken)
        self.watch(loss, names)
        return (loss, found[1]) if return_outputs else loss

    def _noted(self, name: str, value: Tensor) -> Tensor:
        self._metrics["train"][name].append(value.item())
        return value

    def _score_divergence(
        self, inputs: Mapping[str, Any], policy: AnswerStates, share: Share
    ) -> Tensor:
        """KL(reference ‖ policy), the mean over tokens that both answers begin with, in nats."""
        start = _start(inputs)

        def run() -> Tensor:
            hidden = hidden_states(self._plain, start, image_tokens(self._plain, inputs))
            return label_states(hidden, start)

        with torch.no_grad(), self.model.disable_adapter():
            reference = ending_alike(run)
        divergence = state_divergence(self._plain, policy.start, reference)
        return mean_of_all(divergence, len(reference), share)

    def _stray_loss(self, policy: AnswerStates, share: Share) -> Tensor:
        """How likely a text breaks off, the mean over its tokens, in nats."""
        texts = policy.states[~self._stray[policy.labels]]
        return mean_of_all(stray_loss(self._plain, texts, self._stray), len(texts), share)

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


def answer_packed_rows(
    model: PreTrainedModel, learns_start: bool, seen: list[AnswerStates] | None = None
) -> None:
    """Let a model with TRL's fused head answer `PackedPairCollator`'s batches.

    The packed rows, of this process's share, run through the model without its head; the hidden
    states that predict answer tokens, and no others, go on to TRL's fused head, and what it says of
    each token is put where TRL expects it: [2B, T], zero where there is no token.

    Args:
        model: with TRL's fused head.
        learns_start: see `SharedPrefixDPOTrainer`; where not, those tokens have no gradient.
        seen: is given what the hidden states were.
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
            with _only(model.base_model, at) as selected:
                output = fused(**inputs, shift_labels=labels[known][None], fused_lm_head=True)
            if seen is not None:
                alike = _begun_alike(labels)
                alike[len(alike) // 2 :] = False
                seen.append(AnswerStates(selected[0], labels[known], alike[known]))
            return output

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


def _start(inputs: Mapping[str, Any]) -> PackedAnswers:
    """The rows of this process's share as far as both answers are one, see `PackedPairCollator`.

    Both see the prompt and what they begin with, and nothing of what follows.
    """
    whole = inputs["input_ids"][:, 1:].masked_fill(inputs["completion_mask"][:, 1:] == 0, IGNORED)
    share = share_of(len(whole) // 2)
    labels = whole.unflatten(0, (2, -1))[:, share.rows].flatten(0, 1)
    alike = _begun_alike(labels) & (labels != IGNORED)
    pairs = len(labels) // 2
    width = int((inputs["segments"] == 1).sum(dim=1).max())
    segments = inputs["segments"][:, :width]
    return PackedAnswers(
        inputs["packed_ids"][:, :width],
        torch.where(segments == 1, segments, 0),
        inputs["packed_positions"][..., :width],
        inputs["columns"][:pairs, None],
        labels.masked_fill(~alike, IGNORED)[:pairs, None],
    )


@contextmanager
def _only(backbone: nn.Module, at: tuple[Tensor, Tensor]) -> Iterator[list[Tensor]]:
    """Let the backbone pass on the hidden states at (row, column) alone, as one row.

    Yields:
        A list that has them afterwards, [n, hidden].
    """
    selected: list[Tensor] = []

    def select(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        selected.append(output.last_hidden_state[at])
        output.last_hidden_state = selected[-1][None]
        return output

    hook = backbone.register_forward_hook(select)
    try:
        yield selected
    finally:
        hook.remove()
