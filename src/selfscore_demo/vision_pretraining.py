"""Stage 1: teach the vision tower and the connector to see faults."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from transformers import Idefics3ForConditionalGeneration

from selfscore.running.bar import Bar
from selfscore_demo.architecture import initialise_patches
from selfscore_demo.faults import FAULTS
from selfscore_demo.training_images import TrainingImages

_SCALE = 127.5


def to_pixel_values(pixels: np.ndarray) -> torch.Tensor:
    """Normalise uint8 images (n, size, size, 3) to floats in [-1, 1], shape (n, 3, size, size)."""
    values = torch.from_numpy(np.ascontiguousarray(pixels)).float().permute(0, 3, 1, 2)
    return (values / _SCALE - 1.0).contiguous()


def train_vision(
    model: Idefics3ForConditionalGeneration,
    images: TrainingImages,
    steps: int,
    batch_size: int,
    lr: float,
    seed: int,
) -> None:
    """Train vision tower and connector in place: linear heads read severities from their means.

    The heads are thrown away. What stays is a tower whose features carry the severities, and a
    connector that already hands them to the language model.

    Args:
        model: The model whose tower and connector are trained.
        images: Training images.
        steps: Optimiser steps; 0 leaves the tower as it was initialised.
        batch_size: Images per step.
        lr: Peak learning rate of AdamW.
        seed: Fixes order, flips and the head's weights.
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    tower = model.model.vision_model
    initialise_patches(model, to_pixel_values(images.pixels[:2000]))
    connector = model.model.connector
    head = nn.Linear(tower.config.hidden_size, len(FAULTS))
    token_head = nn.Linear(model.config.text_config.hidden_size, len(FAULTS))
    targets = torch.from_numpy(np.stack([images.severities[name] for name in FAULTS], axis=1))
    parts = (tower, connector, head, token_head)
    parameters = [parameter for part in parts for parameter in part.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=lr, weight_decay=0.02, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, max(steps, 2), pct_start=0.1)
    tower.train()
    progress = Bar(range(steps), desc="vision tower", unit=" steps")
    for step in progress:
        rows = rng.integers(0, len(images.pixels), batch_size)
        pixels = images.pixels[rows]
        # Mirroring keeps every severity and the grid of compression blocks.
        if rng.random() < 0.5:
            pixels = pixels[:, ::-1]
        if rng.random() < 0.5:
            pixels = pixels[:, :, ::-1]
        features = tower(pixel_values=to_pixel_values(pixels)).last_hidden_state
        loss = nn.functional.mse_loss(head(features.mean(dim=1)), targets[rows])
        tokens = connector(features)
        loss = loss + nn.functional.mse_loss(token_head(tokens.mean(dim=1)), targets[rows])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        if step % 25 == 0:
            progress.set_postfix(mse=f"{loss.item() / 2:.4f}")


@torch.no_grad()
def encode_images(
    model: Idefics3ForConditionalGeneration, pixels: np.ndarray, batch_size: int = 256
) -> torch.Tensor:
    """Features of the frozen tower, kept in half precision.

    Returns:
        Tensor (n, patches, vision width), float16.
    """
    tower = model.model.vision_model.eval()
    parts = [
        tower(pixel_values=to_pixel_values(pixels[start : start + batch_size])).last_hidden_state
        for start in range(0, len(pixels), batch_size)
    ]
    return torch.cat([part.half() for part in parts])
