"""Base classes of parts, one per kind; those of collections are in `collection_interfaces`.

A part is an ordinary class. Its positional parameters come from the engine, its keyword-only parameters are the
recipe's keys: their names, annotations and defaults are the schema. A plugin in full:

    from typing import Annotated
    from pydantic import Field
    from torch.nn import functional
    from facegen import Critic, DataSpec, Objective, Terms, hookimpl

    class Hinge(Objective):
        def __init__(self, data: DataSpec, *, margin: Annotated[float, Field(gt=0)] = 1.0) -> None:
            super().__init__()
            self.heads = {"score": 1}
            self.margin = margin

        def discriminator_terms(self, critic: Critic) -> Terms:
            real, fake = functional.relu(self.margin - critic.real), functional.relu(self.margin + critic.fake)
            return {"real": real.mean(), "fake": fake.mean()}

        def generator_terms(self, critic: Critic) -> Terms:
            return {"fake": -critic.fake.mean()}

    @hookimpl
    def facegen_objectives() -> dict[str, str]:
        return {"hinge": "my_package.hinge:Hinge"}
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal, NoReturn

import torch
from torch import Tensor, nn

from facegen.core.batch import Batch, Condition, DataSpec, Terms
from facegen.core.clips import Clips
from facegen.core.critic import Critic
from facegen.core.evidence import Evidence, Figure, Side
from facegen.core.recipe.tables import DataSettings, Split

Direction = Literal["v2f", "f2v"]


class Conditioner(nn.Module):
    """Encoder of one property of a person, such as the voice: `__init__(data, *, settings)`.

    Attributes:
        needs: Batch columns that it reads.
        pretrained: whether it brings trained weights, so that [match] may freeze it without an earlier run.
        whole_speech_seconds: length up to which a recording is encoded whole by a finished run; None for an encoder
            that needs speech of the length of training.
        condition_dim: width of the encoding.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    pretrained: ClassVar[bool] = False
    whole_speech_seconds: ClassVar[float | None] = None
    condition_dim: int

    def forward(self, batch: Batch) -> Tensor:
        """Encode a batch without noise: (B, condition_dim). Frozen encodings of fixed crops are cached by clip."""
        raise NotImplementedError


class ConditionTransform(nn.Module):
    """Change of the condition, or a loss on it: `__init__(data, condition_dim, *, settings)`.

    Attributes:
        condition_dim: width of the new condition.
    """

    condition_dim: int

    def fit(self, condition: Tensor) -> None:
        """Compute buffers from the conditions of training rows, (N, condition_dim), once before the first step.

        A transform that does not override it is fitted to nothing.
        """

    def forward(self, condition: Condition, batch: Batch | None) -> Condition:
        """Return the new condition; without a batch (sampling) it adds no terms."""
        raise NotImplementedError


class Generator(nn.Module):
    """Generator of faces: `__init__(data, condition_dim, *, settings)`.

    Attributes:
        uses_draft: whether it refines the faces of an earlier run (StackGAN II).
        draft_pixels: side of those faces in pixels; 0 where it accepts any, or uses none.
        noise_dim: width of the noise.
    """

    uses_draft: ClassVar[bool] = False
    draft_pixels: int = 0
    noise_dim: int = 0

    def noise(self, num: int, device: torch.device) -> Tensor:
        """Draw standard normal noise: (num, noise_dim)."""
        return torch.randn(num, self.noise_dim, device=device)

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        """Generate faces: (B, noise_dim), (B, condition_dim) -> (B, 3, H, W) in [-1, 1]."""
        raise NotImplementedError

    def input_weights(self) -> tuple[Tensor, Tensor] | None:
        """Return the weights of the first layer on the noise and on the condition, for the monitor.

        None where no layer reads the two separately.
        """
        return None


class Discriminator(nn.Module):
    """Backbone, and heads on its features: `__init__(data, condition_dim, heads, *, settings)`.

    Attributes:
        supported_heads: the heads that it can have, of score, score_unconditional, embed, classify, reconstruct.
    """

    supported_heads: ClassVar[frozenset[str]] = frozenset({"score"})

    def __init__(self, data: DataSpec, condition_dim: int, heads: Mapping[str, int]) -> None:
        super().__init__()

    @property
    def uses_batch_statistics(self) -> bool:
        """True where rows depend on each other, as with batch norm: real and fake faces then pass separately."""
        return False

    def features(self, faces: Tensor) -> Tensor:
        """Run the backbone, the expensive part, whose output is shared by all heads: (B, 3, H, W) -> (B, ...)."""
        raise NotImplementedError

    def _lacks(self, head: str) -> NoReturn:
        raise NotImplementedError(f"{type(self).__name__} has no head '{head}'")

    def score(self, features: Tensor, condition: Tensor | None) -> Tensor:
        """Compute logits, exactly (B,); without a condition, those of the unconditional head."""
        self._lacks("score")

    def embed(self, features: Tensor) -> Tensor:
        """Compute embeddings: (B, heads["embed"])."""
        self._lacks("embed")

    def classify(self, features: Tensor) -> Tensor:
        """Compute logits of classes: (B, heads["classify"])."""
        self._lacks("classify")

    def reconstruct(self, features: Tensor, condition: Tensor | None) -> Tensor:
        """Reconstruct the faces, (B, 3, H, W), from features and condition."""
        self._lacks("reconstruct")


class Objective(nn.Module):
    """Losses of both networks: `__init__(data, *, settings)`. Its parameters, if any, train with the discriminator.

    Attributes:
        heads: {head: width} that it needs of the discriminator.
        num_mismatched: number of columns of `mismatched_rows` that it reads.
    """

    heads: Mapping[str, int] = {"score": 1}
    num_mismatched: int = 0

    def discriminator_terms(self, critic: Critic) -> Terms:
        """Return the weighted losses of the discriminator's phase; if no part has any, the phase is left out."""
        return {}

    def generator_terms(self, critic: Critic) -> Terms:
        """Return the weighted losses of the generator's phase."""
        return {}

    def diagnostics(self, critic: Critic) -> Terms:
        """Return detached scalars of the discriminator's phase, which are averaged over processes and logged."""
        return {}

    def update(self, diagnostics: Terms) -> None:
        """Update own buffers in place after the step, without a host sync."""


class Penalty(nn.Module):
    """Regulariser of the discriminator: `__init__(data, *, settings)`.

    Attributes:
        grad_inputs: "real" and/or "fake", the faces that it differentiates by.
    """

    grad_inputs: frozenset[str] = frozenset()

    def terms(self, critic: Critic) -> Terms:
        """Return weighted losses, which are added to the discriminator's phase."""
        return {}

    def constrain(self, discriminator: Discriminator) -> None:
        """Constrain the weights after the discriminator's optimiser step, without gradient."""


class Augmentation(nn.Module):
    """Differentiable change of the faces before the discriminator, in both phases: `__init__(data, *, settings)`."""

    def forward(self, faces: Tensor) -> Tensor:
        """Change faces, with parameters drawn for each row: (B, 3, H, W) -> (B, 3, H, W)."""
        raise NotImplementedError

    def diagnostics(self, critic: Critic) -> Terms:
        """As in Objective."""
        return {}

    def update(self, diagnostics: Terms) -> None:
        """As in Objective."""


class Matcher(nn.Module):
    """Loss of the match stage, and matching rule: `__init__(data, query_dim, candidate_dim, *, settings)`.

    Attributes:
        needs_faces: whether it compares encodings with faces.
        trains_faces: whether its loss trains the face network too; otherwise that one stays as an earlier run left it.
        num_mismatched: number of columns of `mismatched_rows` that it reads.
        max_candidates: largest number of candidates that it can rank; None without a limit.
    """

    needs_faces: ClassVar[bool] = True
    trains_faces: ClassVar[bool] = True
    num_mismatched: int = 0
    max_candidates: int | None = None

    def terms(self, encoding: Tensor, embedding: Tensor | None, batch: Batch) -> Terms:
        """Return weighted losses of encodings (B, query_dim) and face embeddings (B, candidate_dim).

        With several processes, the rows are those of all of them, and the batch has no faces, speech and names.
        """
        raise NotImplementedError

    def logits(self, query: Tensor, candidates: Tensor, *, direction: Direction) -> Tensor:
        """Rank candidates: (B, d), (B, K, e) -> (B, K). Queries are encodings in "v2f", embeddings in "f2v"."""
        raise NotImplementedError

    def update(self, diagnostics: Terms) -> None:
        """As in Objective."""


class Dataset:
    """Clips of people, one row per clip: `__init__(request, *, settings)`.

    Attributes:
        spec: description of the corpus.
        cache_dir: folder of data derived from the corpus, such as judges.
        is_rendered: whether rows take longer to make than to read, so that they are cached.
        factor_sides: {name: what it decides} of the hidden factors that `factors` returns.
    """

    is_rendered: ClassVar[bool] = False
    factor_sides: Mapping[str, Side] = {}

    spec: DataSpec
    cache_dir: Path

    def __init__(self, request: DataSettings) -> None: ...

    def fingerprint(self) -> str:
        """Return a key of derived data, which changes when the corpus does."""
        raise NotImplementedError

    def clips(self, split: Split) -> Clips:
        """Return the rows of a split."""
        raise NotImplementedError

    def faces(self, clip: Tensor, frame: Tensor) -> Tensor:
        """Return faces: (B,), (B,) -> (B, H, W, 3) uint8."""
        raise NotImplementedError

    def speech(self, clip: Tensor, start_samples: Tensor, num_samples: int) -> Tensor:
        """Return speech, (B,), (B,) -> (B, num_samples) int16; a track that ends is repeated from its start."""
        raise NotImplementedError

    def frame_samples(self, clip: Tensor, frame: Tensor) -> Tensor:
        """Return positions of frames in the tracks of their clips, in samples; -1 where unknown: (B,)."""
        raise NotImplementedError

    def consents(self, clip: Tensor) -> Sequence[str] | None:
        """Return the statement of consent of each row, "" where there is none; None if the people are not real."""
        return [""] * len(clip)

    def languages(self, clip: Tensor) -> Sequence[str]:
        """Return the spoken language of each row, "" where unknown; nothing if the corpus does not name any."""
        return []

    def clip_names(self, clip: Tensor) -> Sequence[str]:
        """Return the name of each row, by which tables outside of the corpus refer to it; its number by default."""
        return [str(row) for row in clip.tolist()]

    def captions(self, clip: Tensor) -> Sequence[str]:
        """Return one sentence per row, for corpora with captions."""
        raise NotImplementedError

    def text(self, clip: Tensor) -> Tensor:
        """Return text vectors, (B, text_dim) float32, for corpora that have them."""
        raise NotImplementedError

    def factors(self, clip: Tensor, frame: Tensor) -> Mapping[str, Tensor]:
        """Return {name: (B,) float64}, the hidden factors of faces, where they are known; classes are whole numbers."""
        return {}

    def same_voice_faces(self, clip: Tensor) -> Tensor | None:
        """Return faces of other people, (B, H, W, 3) uint8, who share what the voice of each row carries; else None."""
        return None


class Metric:
    """Figures with intervals about one property of a run: `__init__(*, settings)`.

    Attributes:
        reads: expensive parts of the evidence that it reads, "training"; not gathered where no metric reads them.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"training"})

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Return the figures; each names the method of its measurement."""
        raise NotImplementedError


class Recogniser:
    """Pretrained network, independent of the run, that embeds faces or speech: `__init__(*, settings)`.

    Attributes:
        embeds: "faces", "speech", or both.
        face_dim: width of the features of faces, where the match stage may use them; 0 where it may not.
        readings: names of the columns, where each is a quantity of its own, such as "age". Such columns are no features
            whose angles mean anything, so that metrics of features leave the recogniser out.
    """

    embeds: ClassVar[frozenset[str]] = frozenset()
    face_dim: ClassVar[int] = 0
    readings: ClassVar[tuple[str, ...]] = ()

    def fingerprint(self) -> str:
        """Return a key of derived data, which changes when the weights do."""
        raise NotImplementedError

    def embed_faces(self, faces: Tensor) -> Tensor:
        """Embed faces: (B, H, W, 3) uint8 -> (B, d) float; a row is NaN where it finds no face."""
        raise NotImplementedError

    def embed_speech(self, speech: Tensor, sample_rate_hz: int) -> Tensor:
        """Embed speech: (B, samples) int16 -> (B, e) float; a row is NaN where it finds no speech."""
        raise NotImplementedError
