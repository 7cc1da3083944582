"""Graphs of a face pipeline for an ONNX file: from columns of a batch, or from the condition, to faces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facegen.core.batch import IDENTITY_IMAGE, NUM_CHARACTERS, Batch, DataSpec
from facegen.core.interfaces import Generator
from facegen.core.model_schema import Consent
from facegen.core.randomness import repeatable
from facegen.core.text.caption_codes import ALPHABET
from facegen.training.face_pipeline import FacePipeline

CPU = torch.device("cpu")
CONDITION, NOISE = "condition", "noise"
QUIET = 0.1
"""Standard deviation of the sound that graphs are compared with."""
MEANINGS = {
    "speech": "float32 from -1 to 1, at sample_rate_hz of the corpus, of the length of training",
    "identity": "int64, number of the person in identities of the corpus; -1 for people unseen in training",
    "caption": f"int64, for each character its place in {ALPHABET!r}, from 1; 0 for others and behind the end",
    "text": "float32, vector of the sentence, as the corpus has them",
    IDENTITY_IMAGE: "float32 RGB from -1 to 1, a face of the person, cropped as the training faces",
    CONDITION: "float32, what the generator receives: encodings of the conditioners after the transforms",
}
"""{input: its type and values}."""


@dataclass(frozen=True)
class OnnxGraph:
    """An ONNX file that was written, and compared with the run.

    Attributes:
        inputs: {name: shape of a row}: the columns of a batch that the run reads, or the condition; and the noise.
        noise: distribution of the noise.
        faces: shape of a row of the faces.
        largest_difference: of a colour in [-1, 1] between ONNX Runtime and torch.
        reasons: why the condition is the input, if it is.
        pretrained: conditioners whose weights a run does not hold, but the file does.
        sha256: hash of the face pipeline's weights.
        consent: of the people whom the run was trained on.
    """

    inputs: Mapping[str, Sequence[int]]
    noise: str
    faces: Sequence[int] = ()
    largest_difference: float = 0.0
    reasons: Sequence[str] = ()
    pretrained: Sequence[str] = ()
    sha256: str = ""
    consent: Consent = "synthetic"

    @property
    def starts_at_condition(self) -> bool:
        """True if the condition is the input, and the conditioners are left out."""
        return CONDITION in self.inputs


class FromCondition(nn.Module):
    """(B, condition), (B, noise) -> faces"""

    def __init__(self, pipeline: FacePipeline) -> None:
        super().__init__()
        self.pipeline = pipeline

    def forward(self, *inputs: Tensor) -> Tensor:
        return self._draw(*inputs)

    def _draw(self, condition: Tensor, noise: Tensor | None = None) -> Tensor:
        if noise is None:
            noise = condition.new_zeros(condition.shape[0], 0)
        return self.pipeline.draw(condition, noise)


class FromColumns(FromCondition):
    """Columns of a batch, in the order of their names, and (B, noise) -> faces"""

    def __init__(self, pipeline: FacePipeline) -> None:
        super().__init__(pipeline)
        self.columns = sorted(pipeline.needs)

    def forward(self, *inputs: Tensor) -> Tensor:
        num = len(self.columns)
        unread = inputs[0].new_zeros(inputs[0].shape[0])
        given = dict(zip(self.columns, inputs[:num], strict=True))
        batch = Batch(
            faces=unread, clip=unread, identity=given.get("identity", unread), mismatched_rows=unread,
            speech=given.get("speech"), caption=given.get("caption"), text=given.get("text"),
            identity_image=given.get(IDENTITY_IMAGE),
        )  # fmt: skip
        return self._draw(self.pipeline.condition(None, self.pipeline.encode(batch)).generator, *inputs[num:])


def graph_from_condition(pipeline: FacePipeline) -> OnnxGraph:
    """Describe the graph of `FromCondition`."""
    return OnnxGraph({CONDITION: (_joint_width(pipeline),), **_noise(pipeline)}, _distribution(pipeline))


def graph_from_columns(pipeline: FacePipeline, data: DataSpec) -> OnnxGraph | None:
    """Describe the graph of `FromColumns`; None if the pipeline reads a column that has no numbers."""
    pixels = data.image_pixels
    shapes: dict[str, tuple[int, ...]] = {
        "speech": (data.speech_samples,), "identity": (), "caption": (data.caption_characters,),
        "text": (data.text_dim,), IDENTITY_IMAGE: (3, pixels, pixels),
    }  # fmt: skip
    if not pipeline.needs <= shapes.keys():
        return None
    inputs = {column: shapes[column] for column in sorted(pipeline.needs)}
    return OnnxGraph({**inputs, **_noise(pipeline)}, _distribution(pipeline))


def random_inputs(graph: OnnxGraph, num: int, num_identities: int = 1) -> dict[str, Tensor]:
    """Draw inputs to compare with: quiet noise for speech, known people, captions of half the length."""
    values = dict[str, Tensor]()
    with repeatable(CPU, 0, "onnx", num):
        for name, row in graph.inputs.items():
            if name == "identity":
                values[name] = torch.randint(num_identities, (num,))
            elif name == "caption":
                values[name] = torch.randint(1, NUM_CHARACTERS + 1, (num, *row))
                values[name][:, row[0] // 2 :] = 0
            else:
                values[name] = torch.randn(num, *row) * (QUIET if name == "speech" else 1)
                if name == IDENTITY_IMAGE:
                    values[name].clamp_(-1, 1)
    return values


def draws_random_numbers(network: nn.Module, inputs: Mapping[str, Tensor]) -> bool:
    """Tell whether equal inputs give different faces."""
    faces = []
    for number in range(2):
        with torch.no_grad(), repeatable(CPU, number, "onnx"):
            faces.append(network(*inputs.values()))
    return not torch.equal(*faces)


def _joint_width(pipeline: FacePipeline) -> int:
    """Width of the generator's condition and the drafts' before it."""
    own = pipeline.condition_dim
    return own if pipeline.draft is None else own + _joint_width(pipeline.draft)


def _noise(pipeline: FacePipeline) -> dict[str, tuple[int, ...]]:
    return {NOISE: (pipeline.noise_dim,)} if pipeline.noise_dim else {}


def _distribution(pipeline: FacePipeline) -> str:
    drawing = pipeline
    while drawing.draft is not None:
        drawing = drawing.draft
    drawn = type(drawing.generator)
    return "standard normal" if drawn.noise is Generator.noise else f"as {drawn.__name__}.noise of facegen draws it"
