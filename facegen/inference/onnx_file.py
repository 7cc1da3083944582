"""ONNX file of a run: faces from speech, or from a condition, in any program that runs ONNX."""

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from facegen.core.batch import Batch
from facegen.core.disk_faults import explain_disk_fault
from facegen.core.errors import CheckpointError
from facegen.core.files import replacing
from facegen.core.interfaces import Generator
from facegen.core.model_schema import Consent, EvaluationSummary
from facegen.core.optional_imports import onnx_packages
from facegen.core.progress import Observer
from facegen.core.randomness import repeatable
from facegen.inference.load import load_face_pipeline
from facegen.training.face_pipeline import FacePipeline
from facegen.training.runs.model_export import ExportSettings, describe_run
from facegen.training.runs.run import Run

SUFFIX = ".onnx"
METADATA_KEY, GRAPH_KEY = "facegen", "facegen_graph"
TOLERANCE = 1e-3
"""Largest difference of a colour in [-1, 1]: an eighth of one of 256 levels."""
TRACED_ROWS, CHECKED_ROWS = 2, (1, 3)
CPU = torch.device("cpu")


@dataclass(frozen=True)
class OnnxGraph:
    """An ONNX file that was written, and compared with the run.

    Attributes:
        source: "speech" or "condition", the input beside the noise.
        inputs: {name: shape of a row}.
        noise: distribution of the noise.
        largest_difference: of a colour in [-1, 1] between ONNX Runtime and torch.
        reasons: why speech is not an input, if it is not.
        sha256: hash of the face pipeline's weights.
        consent: of the people whom the run was trained on.
    """

    source: str
    inputs: Mapping[str, Sequence[int]]
    noise: str
    largest_difference: float = 0.0
    reasons: Sequence[str] = ()
    sha256: str = ""
    consent: Consent = "synthetic"


class _FromCondition(nn.Module):
    """(B, condition), (B, noise) -> faces"""

    def __init__(self, pipeline: FacePipeline) -> None:
        super().__init__()
        self.pipeline = pipeline

    def forward(self, condition: Tensor, noise: Tensor | None = None) -> Tensor:
        if noise is None:
            noise = condition.new_zeros(condition.shape[0], 0)
        return self.pipeline.draw(condition, noise)


class _FromSpeech(_FromCondition):
    """(B, samples), (B, noise) -> faces"""

    def forward(self, speech: Tensor, noise: Tensor | None = None) -> Tensor:
        unread = speech.new_zeros(speech.shape[0])
        batch = Batch(faces=unread, clip=unread, identity=unread, mismatched_rows=unread, speech=speech)
        condition = self.pipeline.condition(None, self.pipeline.encode(batch)).generator
        return super().forward(condition, noise)


def export_onnx(
    run: Run, path: Path, settings: ExportSettings, evaluations: Sequence[EvaluationSummary], observer: Observer
) -> OnnxGraph:
    """Write the averaged face pipeline of a run as an ONNX file that holds weights and description.

    Its inputs are speech and noise, if the run reads speech alone and its encoders can be exported; otherwise the
    condition, as the generator receives it, and noise. The number of rows is free.

    Args:
        run: with a trained generator.
        path: the file; its name ends in .onnx.
        settings: licence, card, names and consent; weights are stored in float32.
        evaluations: figures of the run.
        observer: progress of the command.
    Raises:
        CheckpointError: the packages are missing, the run has no generator, its faces depend on random numbers beside
            the noise, ONNX lacks one of its operations, or ONNX Runtime draws other faces; no file is written.
        DataError: it was trained on real people, and consent is not stated for everybody.
    """
    if path.suffix != SUFFIX:
        raise CheckpointError(f"{path}: the name of an ONNX file must end in {SUFFIX}")
    onnx_packages()
    metadata = describe_run(run, settings, evaluations)
    pipeline = load_face_pipeline(run, CPU)
    candidates: list[tuple[_FromCondition, OnnxGraph]] = []
    reasons: list[str] = []
    noise = {"noise": (pipeline.noise_dim,)} if pipeline.noise_dim else {}
    drawn = _distribution(pipeline)
    if pipeline.needs == {"speech"}:
        graph = OnnxGraph("speech", {"speech": (run.data.speech_samples,), **noise}, drawn)
        candidates.append((_FromSpeech(pipeline), graph))
    else:
        reasons.append(f"the run reads {', '.join(sorted(pipeline.needs))}, not speech alone")
    width = pipeline.condition_dim if pipeline.draft is None else _joint_width(pipeline)
    candidates.append((_FromCondition(pipeline), OnnxGraph("condition", {"condition": (width,), **noise}, drawn)))
    for network, graph in candidates:
        observer.say(f"export to ONNX: {' and '.join(graph.inputs)} -> faces")
        problem = _random_numbers(network, graph)
        if not problem:
            try:
                program = _traced(network, graph)
            except Exception as error:  # the exporter raises errors of many kinds
                problem = f"ONNX lacks an operation of it ({_first_line(error)})"
        if not problem:
            text = metadata.model_dump_json(exclude_defaults=True)
            written = _write(program, network, path, replace(graph, reasons=tuple(reasons)), text)
            return replace(written, consent=metadata.consent)
        reasons.append(f"from {graph.source}: {problem}")
    raise CheckpointError(f"{run.path}: cannot be exported to ONNX: {'; '.join(reasons)}")


def _joint_width(pipeline: FacePipeline) -> int:
    """Width of the generator's condition and the drafts' before it."""
    own = pipeline.condition_dim
    return own if pipeline.draft is None else own + _joint_width(pipeline.draft)


def _distribution(pipeline: FacePipeline) -> str:
    drawing = pipeline
    while drawing.draft is not None:
        drawing = drawing.draft
    drawn = type(drawing.generator)
    return "standard normal" if drawn.noise is Generator.noise else f"as {drawn.__name__}.noise of facegen draws it"


def _inputs(graph: OnnxGraph, num: int) -> dict[str, Tensor]:
    """Draw inputs: quiet noise for speech, normal numbers for the rest."""
    with repeatable(CPU, 0, "onnx", num):
        return {name: torch.randn(num, *row) * (0.1 if name == "speech" else 1) for name, row in graph.inputs.items()}


def _random_numbers(network: nn.Module, graph: OnnxGraph) -> str:
    """Tell whether equal inputs give different faces."""
    inputs = _inputs(graph, TRACED_ROWS).values()
    faces = []
    for number in range(2):
        with torch.no_grad(), repeatable(CPU, number, "onnx"):
            faces.append(network(*inputs))
    same = torch.equal(*faces)
    return "" if same else "it draws random numbers beside the noise (a transform of the condition, or dropout)"


def _traced(network: nn.Module, graph: OnnxGraph) -> "torch.onnx.ONNXProgram":
    rows = torch.export.Dim("rows")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            network, tuple(_inputs(graph, TRACED_ROWS).values()), dynamo=True, verbose=False,
            input_names=list(graph.inputs), output_names=["faces"],
            dynamic_shapes=tuple({0: rows} for _ in graph.inputs),
        )  # fmt: skip
    if program is None:
        raise RuntimeError("the exporter returned nothing")
    return program


def _write(
    program: "torch.onnx.ONNXProgram", network: nn.Module, path: Path, graph: OnnxGraph, metadata: str
) -> OnnxGraph:
    """Write the file with its description, and compare its faces with torch's before it gets its name."""
    weights = hashlib.sha256()
    for name, values in sorted(network.state_dict().items()):
        weights.update(name.encode() + values.contiguous().numpy().tobytes())
    described = {
        "inputs": {name: list(row) for name, row in graph.inputs.items()}, "noise": graph.noise,
        "faces": "(rows, 3, H, W), RGB from -1 to 1", "speech": "from -1 to 1, at sample_rate_hz of the corpus",
        "weights_sha256": weights.hexdigest(),
    }  # fmt: skip
    program.model.metadata_props[METADATA_KEY] = metadata
    program.model.metadata_props[GRAPH_KEY] = json.dumps(described)
    try:
        with replacing(path) as part:
            program.save(part, external_data=False)
            difference = max(_difference(part, network, _inputs(graph, num)) for num in CHECKED_ROWS)
            if not difference <= TOLERANCE:
                raise CheckpointError(
                    f"{path}: ONNX Runtime draws other faces than torch: the largest difference of a colour from -1 to "
                    f"1 is {difference:.2g}, and {TOLERANCE:g} is allowed; no file is written"
                )
    except OSError as error:
        raise CheckpointError(explain_disk_fault(error, str(path))) from error
    return replace(graph, largest_difference=difference, sha256=weights.hexdigest())


def _difference(path: Path, network: nn.Module, inputs: Mapping[str, Tensor]) -> float:
    """Compute the largest difference between ONNX Runtime and torch."""
    runtime = onnx_packages()
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (faces,) = session.run(None, {name: values.numpy() for name, values in inputs.items()})
    with torch.no_grad():
        return float((torch.from_numpy(faces) - network(*inputs.values())).abs().max())


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:200]}"
