"""Rank voices for a face, or faces for a voice, with the match stage of a finished run."""

from collections.abc import Sequence

import torch
from torch import Tensor

from facegen.core.errors import CheckpointError, DataError
from facegen.core.interfaces import Direction
from facegen.inference.load import load_matching
from facegen.inference.sample import encode_speeches
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
        matcher, discriminator = networks.matcher, networks.match_faces
        reads_speech = networks.encoders.needs == {"speech"}
        if matcher is None or discriminator is None or not (reads_speech and matcher.needs_faces):
            raise CheckpointError(f"{run.path}: its match stage does not compare speech with faces; choose another run")
        self.encoders, self.discriminator, self.matcher = networks.encoders, discriminator, matcher
        self.device = device

    @torch.no_grad()
    def encode(self, speeches: Sequence[Tensor]) -> Tensor:
        """Encode recordings, (samples,) int16 each: (B, d)."""
        return encode_speeches(self.encoders, speeches, self.device)

    @torch.no_grad()
    def embed(self, faces: Tensor) -> Tensor:
        """Embed faces: (B, 3, H, W) float in [-1, 1] -> (B, e)."""
        return self.discriminator.embed(self.discriminator.features(faces.to(self.device))).float()

    def require_candidates(self, num: int) -> None:
        """Check that the matcher can rank a number of candidates.

        Raises:
            DataError: there is one candidate, or the matcher ranks fewer.
        """
        if num < 2:
            raise DataError(
                "one voice and one face: matching ranks candidates, and one candidate always comes first; it does not "
                "verify who somebody is. Give several faces, or several voices"
            )
        most = self.matcher.max_candidates
        if most is not None and num > most:
            raise DataError(f"the run's matcher ranks {most} candidates at most, not {num}")

    def require_pair_scores(self) -> None:
        """Check that the matcher scores a pair by itself.

        Raises:
            DataError: it only ranks candidates against each other.
        """
        if self.matcher.max_candidates is not None:
            raise DataError(
                "the run's matcher ranks candidates against each other, and gives no score of a single pair; use a run "
                "of another matcher, such as softmax"
            )

    @torch.no_grad()
    def distance(self, encoding: Tensor, embedding: Tensor) -> float:
        """Compute the score of one voice (d,) and one face (e,): the negative logit, lower for a better fit."""
        query, candidates = encoding.to(self.device)[None], embedding.to(self.device)[None, None]
        return -float(self.matcher.logits(query, candidates, direction="v2f")[0, 0])

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
