"""What a part must be, one class a kind; those of a collection stand in `collection_interfaces`.

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
    """Encodes one thing that is known about a person: `__init__(data, *, settings)`.

    Attributes:
        needs: the Batch columns that it reads.
        condition_dim: width of what it returns.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    condition_dim: int

    def forward(self, batch: Batch) -> Tensor:
        """(B, condition_dim), without noise: cached by clip where it is frozen and the crop is fixed."""
        raise NotImplementedError


class ConditionTransform(nn.Module):
    """Changes the condition, or adds a loss on it: `__init__(data, condition_dim, *, settings)`.

    Attributes:
        condition_dim: width of what it returns.
    """

    condition_dim: int

    def forward(self, condition: Condition, batch: Batch | None) -> Condition:
        """The new condition; without a batch (sampling) it adds no terms."""
        raise NotImplementedError


class Generator(nn.Module):
    """Draws faces: `__init__(data, condition_dim, *, settings)`.

    Attributes:
        uses_draft: it refines the faces of an earlier run (StackGAN II).
        draft_pixels: side of those faces; 0 where any will do, or none.
        noise_dim: width of its noise.
    """

    uses_draft: ClassVar[bool] = False
    draft_pixels: int = 0
    noise_dim: int = 0

    def noise(self, num: int, device: torch.device) -> Tensor:
        """(num, noise_dim), standard normal."""
        return torch.randn(num, self.noise_dim, device=device)

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        """(B, noise_dim), (B, condition_dim) -> (B, 3, H, W) in [-1, 1]."""
        raise NotImplementedError

    def input_weights(self) -> tuple[Tensor, Tensor] | None:
        """Weights of the first layer that read the noise and that read the condition, for the monitor.

        None where the two are not told apart by a layer.
        """
        return None


class Discriminator(nn.Module):
    """One trunk and heads on its features: `__init__(data, condition_dim, heads, *, settings)`.

    Attributes:
        supported_heads: the heads that it can have, of score, score_unconditional, embed, classify, reconstruct.
    """

    supported_heads: ClassVar[frozenset[str]] = frozenset({"score"})

    def __init__(self, data: DataSpec, condition_dim: int, heads: Mapping[str, int]) -> None:
        super().__init__()

    @property
    def uses_batch_statistics(self) -> bool:
        """A row's output depends on the other rows, as with batch norm; then real and fake pass alone."""
        return False

    def features(self, faces: Tensor) -> Tensor:
        """The trunk, the dear part: (B, 3, H, W) -> (B, ...)."""
        raise NotImplementedError

    def _lacks(self, head: str) -> NoReturn:
        raise NotImplementedError(f"{type(self).__name__} has no head '{head}'")

    def score(self, features: Tensor, condition: Tensor | None) -> Tensor:
        """Logit, exactly (B,); without a condition, that of the unconditional head."""
        self._lacks("score")

    def embed(self, features: Tensor) -> Tensor:
        """(B, heads["embed"])."""
        self._lacks("embed")

    def classify(self, features: Tensor) -> Tensor:
        """(B, heads["classify"]) logits."""
        self._lacks("classify")

    def reconstruct(self, features: Tensor, condition: Tensor | None) -> Tensor:
        """The faces behind the features, (B, 3, H, W), with the help of the condition where there is one."""
        self._lacks("reconstruct")


class Objective(nn.Module):
    """Losses of both networks: `__init__(data, *, settings)`. Its parameters, if any, train with the discriminator.

    Attributes:
        heads: {head: width} that it asks of the discriminator.
        num_mismatched: how many columns of `mismatched_rows` it reads.
    """

    heads: Mapping[str, int] = {"score": 1}
    num_mismatched: int = 0

    def discriminator_terms(self, critic: Critic) -> Terms:
        """Weighted losses of the discriminator's phase; if no part gives any, there is no such phase."""
        return {}

    def generator_terms(self, critic: Critic) -> Terms:
        """Weighted losses of the generator's phase."""
        return {}

    def diagnostics(self, critic: Critic) -> Terms:
        """Detached scalars of the discriminator's phase, averaged over processes and logged."""
        return {}

    def update(self, diagnostics: Terms) -> None:
        """After the step: change own buffers in place, without a host sync."""


class Penalty(nn.Module):
    """A regulariser of the discriminator: `__init__(data, *, settings)`.

    Attributes:
        grad_inputs: "real" and/or "fake", where it differentiates by the faces.
    """

    grad_inputs: frozenset[str] = frozenset()

    def terms(self, critic: Critic) -> Terms:
        """Weighted losses added to the discriminator's phase."""
        return {}

    def constrain(self, discriminator: Discriminator) -> None:
        """After the discriminator's optimiser step, without gradient."""


class Augmentation(nn.Module):
    """Stands between faces and trunk in both phases: `__init__(data, *, settings)`; differentiable."""

    def forward(self, faces: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H, W), with parameters drawn for each row."""
        raise NotImplementedError

    def diagnostics(self, critic: Critic) -> Terms:
        """As an objective's."""
        return {}

    def update(self, diagnostics: Terms) -> None:
        """As an objective's."""


class Matcher(nn.Module):
    """Objective of the match stage, and the rule that matches: `__init__(data, query_dim, candidate_dim, *, settings)`.

    Attributes:
        needs_faces: it compares encodings with faces.
        trains_faces: its loss teaches the face network too; else that one stays as an earlier run left it.
        num_mismatched: how many columns of `mismatched_rows` it reads.
        max_candidates: most candidates that its rule can rank; None without a limit.
    """

    needs_faces: ClassVar[bool] = True
    trains_faces: ClassVar[bool] = True
    num_mismatched: int = 0
    max_candidates: int | None = None

    def terms(self, encoding: Tensor, embedding: Tensor | None, batch: Batch) -> Terms:
        """Weighted losses: encodings (B, query_dim), embeddings of the faces (B, candidate_dim)."""
        raise NotImplementedError

    def logits(self, query: Tensor, candidates: Tensor, *, direction: Direction) -> Tensor:
        """The matching rule: (B, d) and (B, K, e) -> (B, K). Encodings query in "v2f", embeddings in "f2v"."""
        raise NotImplementedError

    def update(self, diagnostics: Terms) -> None:
        """As an objective's."""


class Dataset:
    """Clips of people, one row a clip: `__init__(request, *, settings)`.

    Attributes:
        spec: what the corpus is.
        cache_dir: folder for what is derived from the corpus, such as judges.
        is_rendered: its rows cost more to make than to read, so that they are kept once they are made.
        factor_sides: {name: what it decides} of the hidden factors that `factors` tells.
    """

    is_rendered: ClassVar[bool] = False
    factor_sides: Mapping[str, Side] = {}

    spec: DataSpec
    cache_dir: Path

    def __init__(self, request: DataSettings) -> None: ...

    def fingerprint(self) -> str:
        """Changes when the corpus does: the key of what is derived from it."""
        raise NotImplementedError

    def clips(self, split: Split) -> Clips:
        """The rows of a split."""
        raise NotImplementedError

    def faces(self, clip: Tensor, frame: Tensor) -> Tensor:
        """(B,), (B,) -> (B, H, W, 3) uint8."""
        raise NotImplementedError

    def speech(self, clip: Tensor, start_samples: Tensor, num_samples: int) -> Tensor:
        """(B,), (B,) -> (B, num_samples) int16; a track that ends is repeated from its beginning."""
        raise NotImplementedError

    def frame_samples(self, clip: Tensor, frame: Tensor) -> Tensor:
        """(B,) position of a frame in its clip's track, in samples; -1 where unknown."""
        raise NotImplementedError

    def captions(self, clip: Tensor) -> Sequence[str]:
        """A sentence a row, for corpora with captions."""
        raise NotImplementedError

    def text(self, clip: Tensor) -> Tensor:
        """(B, text_dim) float32, for corpora with given text vectors."""
        raise NotImplementedError

    def factors(self, clip: Tensor, frame: Tensor) -> Mapping[str, Tensor]:
        """{name: (B,) float64} the hidden truth about faces, for corpora that know it; classes are whole numbers."""
        return {}


class Metric:
    """One question about a run, answered with numbers and intervals: `__init__(*, settings)`.

    Attributes:
        reads: what it reads of the evidence that is dear to gather, "training"; left out where no metric reads it.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"training"})

    def measure(self, evidence: Evidence) -> list[Figure]:
        """The answers; each names what it was measured with."""
        raise NotImplementedError


class Recogniser:
    """A judge from outside, which learnt from other data than the run: `__init__(*, settings)`.

    Attributes:
        embeds: what it has features of, "faces", "speech", or both.
    """

    embeds: ClassVar[frozenset[str]] = frozenset()

    def fingerprint(self) -> str:
        """Changes when its weights do: the key of what is derived from them."""
        raise NotImplementedError

    def embed_faces(self, faces: Tensor) -> Tensor:
        """(B, H, W, 3) uint8 -> (B, d) float; a row of NaN where it finds no face."""
        raise NotImplementedError

    def embed_speech(self, speech: Tensor, sample_rate_hz: int) -> Tensor:
        """(B, samples) int16 -> (B, e) float; a row of NaN where it hears no speech."""
        raise NotImplementedError
