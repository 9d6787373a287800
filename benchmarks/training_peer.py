"""PyTorch's side of benchmarks.training: a loop as its users write it, over our batches.

Runs in an environment with benchmarks/peers.txt.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from benchmarks.training_worker import SETTINGS_FILE

CLIP_NORM = 1.0


class IntentSlots(torch.nn.Module):  # type: ignore[misc]
    """Hugging Face's BertModel with fresh dense layers for a text's intent and its tokens' tags."""

    def __init__(self, folder: Path, intents: int, tags: int) -> None:
        super().__init__()
        self.encoder = transformers.BertModel.from_pretrained(folder)
        config = self.encoder.config
        self.dropout = torch.nn.Dropout(config.hidden_dropout_prob)
        self.intent = torch.nn.Linear(config.hidden_size, intents)
        self.slot = torch.nn.Linear(config.hidden_size, tags)

    def forward(self, batch: dict[str, Any]) -> tuple[Any, Any]:
        """Logits of intents [B, intents] and of tags [B, L, tags]."""
        encoded = self.encoder(
            input_ids=batch["input_ids"],
            attention_mask=batch["input_mask"],
            token_type_ids=batch["segment_ids"],
        )
        intent = self.intent(self.dropout(encoded.pooler_output))
        return intent, self.slot(self.dropout(encoded.last_hidden_state))


def trainer(folder: Path, compiled: bool, autocast: bool, steps: int) -> Callable[[int], float]:
    """Trains block after block of batches.npz; gives the mean loss.

    compiled: by torch.compile, for any length. autocast: products in bfloat16.
    """
    torch.manual_seed(1)
    settings = json.loads((folder / SETTINGS_FILE).read_text())
    model = IntentSlots(folder / "checkpoint", settings["intents"], settings["tags"])
    model.train()
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=settings["learning_rate"],
        weight_decay=settings["weight_decay"],
        fused=True,
    )
    run = torch.compile(model, dynamic=True) if compiled else model
    arrays = np.load(folder / "batches.npz")
    names = ("input_ids", "input_mask", "segment_ids", "tag_ids", "intent_id")

    def step(number: int) -> float:
        batch = {name: torch.from_numpy(arrays[f"{number}/{name}"]).long() for name in names}
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            intents, tags = run(batch)
        cross_entropy = torch.nn.functional.cross_entropy
        loss = cross_entropy(intents.float(), batch["intent_id"][:, 0]) + cross_entropy(
            tags.float().flatten(0, 1), batch["tag_ids"].flatten(), ignore_index=-1
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        return float(loss.item())

    def train_block(number: int) -> float:
        losses = [step(number * steps + index) for index in range(steps)]
        return sum(losses) / steps

    return train_block
