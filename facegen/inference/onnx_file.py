"""ONNX file of a run: faces from what the run reads, or from a condition, in any program that runs ONNX."""

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from facegen.core.disk_faults import explain_disk_fault
from facegen.core.errors import CheckpointError
from facegen.core.files import replacing
from facegen.core.model_schema import EvaluationSummary
from facegen.core.optional_imports import onnx_packages
from facegen.core.progress import Observer
from facegen.inference.load import load_face_pipeline
from facegen.inference.onnx_graph import (
    CPU,
    MEANINGS,
    NOISE,
    FromColumns,
    FromCondition,
    OnnxGraph,
    draws_random_numbers,
    graph_from_columns,
    graph_from_condition,
    random_inputs,
)  # fmt: skip
from facegen.training.runs.model_export import ExportSettings, describe_run
from facegen.training.runs.run import Run

SUFFIX = ".onnx"
METADATA_KEY, GRAPH_KEY = "facegen", "facegen_graph"
TOLERANCE = 1e-3
"""Largest difference of a colour in [-1, 1]: an eighth of one of 256 levels."""
TRACED_ROWS, CHECKED_ROWS = 2, (1, 3)


class _UnfitError(Exception):
    """Refusal of a graph that cannot be exported, with the reason; the next one is tried."""


def export_onnx(
    run: Run, path: Path, settings: ExportSettings, evaluations: Sequence[EvaluationSummary], observer: Observer
) -> OnnxGraph:
    """Write the averaged face pipeline of a run as an ONNX file that holds weights and description.

    Its inputs are the columns of a batch that the run reads, such as speech, and noise, if its conditioners and
    transforms can be exported; otherwise the condition, as the generator receives it, and noise. The number of rows is
    free.

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
    text = metadata.model_dump_json(exclude_defaults=True)
    pipeline = load_face_pipeline(run, CPU)
    candidates: list[tuple[FromCondition, OnnxGraph]] = []
    reasons: list[str] = []
    whole = graph_from_columns(pipeline, run.data)
    if whole is None:
        reasons.append(f"the run reads {', '.join(sorted(pipeline.needs))}, which cannot be an input")
    else:
        conditioners = zip(run.recipe.configs["conditioner"], pipeline.encoders.parts, strict=True)
        pretrained = [config.name for config, part in conditioners if getattr(part, "pretrained", False)]
        candidates.append((FromColumns(pipeline), replace(whole, pretrained=pretrained)))
    candidates.append((FromCondition(pipeline), graph_from_condition(pipeline)))
    for network, graph in candidates:
        observer.say(f"export to ONNX: {' and '.join(graph.inputs)} -> faces")
        try:
            exported = _export(network, replace(graph, reasons=tuple(reasons)), path, text, run.data.num_identities)
            return replace(exported, consent=metadata.consent)
        except _UnfitError as problem:
            reasons.append(f"from {' and '.join(graph.inputs)}: {problem}")
    raise CheckpointError(
        f"{run.path}: cannot be exported to ONNX: {'; '.join(reasons)}; no file is written. Write a model file "
        f"instead, from which facegen generate draws: facegen export RUN MODEL.safetensors"
    )


def _export(network: FromCondition, graph: OnnxGraph, path: Path, metadata: str, num_identities: int = 1) -> OnnxGraph:
    """Export a graph with its description, and compare its faces with torch's before the file gets its name.

    Raises:
        _UnfitError: it cannot be exported, or draws other faces.
    """
    inputs = random_inputs(graph, TRACED_ROWS, num_identities)
    if draws_random_numbers(network, inputs):
        raise _UnfitError("it draws random numbers beside the noise (a transform of the condition, or dropout)")
    with torch.no_grad():
        graph = replace(graph, faces=tuple(network(*inputs.values()).shape[1:]))
    try:
        program = _traced(network, inputs)
    except Exception as error:  # the exporter raises errors of many kinds
        raise _UnfitError(f"ONNX lacks an operation of it ({_first_line(error)})") from error
    checks = [random_inputs(graph, num, num_identities) for num in CHECKED_ROWS]
    return _write(program, network, path, graph, metadata, checks)


def _traced(network: FromCondition, inputs: Mapping[str, Tensor]) -> "torch.onnx.ONNXProgram":
    rows = torch.export.Dim("rows")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            network, tuple(inputs.values()), dynamo=True, verbose=False, input_names=list(inputs),
            output_names=["faces"], dynamic_shapes=(tuple({0: rows} for _ in inputs),),
        )  # fmt: skip
    if program is None:
        raise RuntimeError("the exporter returned nothing")
    return program


def _write(
    program: "torch.onnx.ONNXProgram",
    network: FromCondition,
    path: Path,
    graph: OnnxGraph,
    metadata: str,
    checks: Sequence[Mapping[str, Tensor]],
) -> OnnxGraph:
    weights = hashlib.sha256()
    for name, values in sorted(network.state_dict().items()):
        weights.update(name.encode() + values.contiguous().numpy().tobytes())
    graph = replace(graph, sha256=weights.hexdigest())
    program.model.metadata_props[METADATA_KEY] = metadata
    program.model.metadata_props[GRAPH_KEY] = json.dumps(_described(graph))
    try:
        with replacing(path) as part:
            program.save(part, external_data=False)
            difference = max(_difference(part, network, inputs) for inputs in checks)
            if not difference <= TOLERANCE:
                raise _UnfitError(
                    f"ONNX Runtime draws other faces than torch: the largest difference of a colour from -1 to 1 is "
                    f"{difference:.2g}, and {TOLERANCE:g} is allowed"
                )
    except OSError as error:
        raise CheckpointError(explain_disk_fault(error, str(path))) from error
    return replace(graph, largest_difference=difference)


def _described(graph: OnnxGraph) -> dict[str, object]:
    return {
        "inputs": {name: list(row) for name, row in graph.inputs.items()},
        "meanings": {name: f"float32, {graph.noise}" if name == NOISE else MEANINGS[name] for name in graph.inputs},
        "faces": list(graph.faces), "colours": "float32 RGB from -1 to 1", "pretrained": list(graph.pretrained),
        "weights_sha256": graph.sha256,
    }  # fmt: skip


def _difference(path: Path, network: FromCondition, inputs: Mapping[str, Tensor]) -> float:
    """Compute the largest difference between ONNX Runtime and torch."""
    runtime = onnx_packages()
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (faces,) = session.run(None, {name: values.numpy() for name, values in inputs.items()})
    with torch.no_grad():
        return float((torch.from_numpy(faces) - network(*inputs.values())).abs().max())


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:200]}"
