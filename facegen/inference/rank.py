"""Rank voices for a face, or faces for a voice, with the match stage of a finished run."""

import torch
from torch import Tensor

from facegen.core.errors import CheckpointError, DataError
from facegen.core.interfaces import Direction
from facegen.inference.load import load_matching
from facegen.inference.sample import speech_batch
from facegen.training.runs.run import Run


class SpeechFaceMatching:
    """Encoders and matcher of a run whose match stage compares speech with faces.

    Args:
        run: with a finished match stage.
        device: of the networks.
    Raises:
        CheckpointError: the run has no match stage that compares speech with faces.
    """

    def __init__(self, run: Run, device: torch.device) -> None:
        networks = load_matching(run, device)
        matcher, discriminator = networks.matcher, networks.discriminator
        reads_speech = networks.encoders.needs == {"speech"}
        if matcher is None or discriminator is None or not (reads_speech and matcher.needs_faces):
            raise CheckpointError(f"{run.path}: its match stage does not compare speech with faces; choose another run")
        self.encoders, self.discriminator, self.matcher = networks.encoders, discriminator, matcher
        self.device = device

    @torch.no_grad()
    def encode(self, speech: Tensor) -> Tensor:
        """Encode speech: (B, samples) int16 -> (B, d)."""
        return self.encoders(speech_batch(speech.to(self.device))).float()

    @torch.no_grad()
    def embed(self, faces: Tensor) -> Tensor:
        """Embed faces: (B, 3, H, W) float in [-1, 1] -> (B, e)."""
        return self.discriminator.embed(self.discriminator.features(faces.to(self.device))).float()

    def require_candidates(self, num: int) -> None:
        """Check that the matcher can rank a number of candidates.

        Raises:
            DataError: it ranks fewer.
        """
        most = self.matcher.max_candidates
        if most is not None and num > most:
            raise DataError(f"the run's matcher ranks {most} candidates at most, not {num}")

    @torch.no_grad()
    def probabilities(self, encoding: Tensor, embedding: Tensor, direction: Direction) -> Tensor:
        """Compute the probability of every candidate for every query (Choi et al. 2020, Eq. 1).

        Args:
            encoding, embedding: (S, d) of speech, (F, e) of faces.
            direction: "v2f", speech queries faces, or "f2v", faces query speech.
        Returns:
            (queries, candidates) on the CPU; rows sum to one.
        """
        query, candidates = (encoding, embedding) if direction == "v2f" else (embedding, encoding)
        logits = self.matcher.logits(query, candidates.expand(len(query), -1, -1), direction=direction)
        return logits.softmax(dim=1).cpu()
