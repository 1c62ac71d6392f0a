"""FlexAttention as PyTorch's reference computes it: its kernels have no gradients on a CPU.

The public function refuses them on every CPU; the reference behind it does not.
"""

from torch.nn.attention import flex_attention
from transformers.integrations import flex_attention as in_transformers


def allow_gradients(monkeypatch):
    """Let FlexAttention compute, with gradients, on this CPU."""

    def plain(*inputs, training, **options):
        return flex_attention.flex_attention(*inputs, **options)

    monkeypatch.setattr(in_transformers, "compile_friendly_flex_attention", plain)
    monkeypatch.setattr(flex_attention, "_validate_device", lambda *_: None)
