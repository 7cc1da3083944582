"""Every built-in generator as an ONNX file, and what is refused; skipped without the packages of facegen[onnx]."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("onnx", reason="pip install facegen[onnx]")
pytest.importorskip("onnxscript", reason="pip install facegen[onnx]")
pytest.importorskip("onnxruntime", reason="pip install facegen[onnx]")

from facegen.core.registry import registry
from facegen.inference.onnx_file import _export, _traced, _UnfitError, _write
from facegen.inference.onnx_graph import (
    FromColumns,
    FromCondition,
    graph_from_columns,
    graph_from_condition,
    random_inputs,
)  # fmt: skip
from facegen.testing.samples import SMALL_DATA
from facegen.training.face_pipeline import Encoders, FacePipeline

DATA = replace(SMALL_DATA, image_pixels=16, speech_samples=8064, caption_characters=30)
SMALL = {
    "adain": {"width": 4}, "began": {"num_filters": 4}, "dcgan": {"width": 4}, "r3gan": {"width": 32},
    "self_attention": {"width": 4}, "stackgan_stage1": {"width": 16}, "voice2face": {"width": 4},
    "stackgan_stage2": {"width": 8, "draft_pixels": 16, "residual_blocks": 1},
}  # fmt: skip


CONDITIONERS = {
    "char_cnn_rnn": {"channels": (8, 8), "recurrent_width": 8, "condition_dim": 8}, "face_image": {"width": 4},
    "mel_spectrogram": {}, "mfcc": {}, "one_hot": {"condition_dim": 8}, "text_embedding": {"condition_dim": 8},
    "waveform_segan": {}, "waveform_sincnet": {},
}  # fmt: skip
"""Of each, its settings; speaker_embedding unrolls its network for seconds, and is tried with the shipped model."""


def build(conditioner, name: str = "dcgan", data=DATA, draft=None, **settings) -> FacePipeline:
    generator = registry().find("generator", name).load()(data, conditioner.condition_dim, **SMALL[name], **settings)
    built = FacePipeline(Encoders([conditioner], [True]), [], generator, draft)
    return built.eval().requires_grad_(False)


def pipeline(name: str, data=DATA, draft=None, **settings) -> FacePipeline:
    torch.manual_seed(0)
    conditioner = registry().find("conditioner", "one_hot").load()(data, condition_dim=8)
    return build(conditioner, name, data, draft, **settings)


def check(network: FromCondition, graph, path: Path, num_identities: int = 1):
    """Export a graph, and draw a number of rows that was neither traced nor compared."""
    written = _export(network, graph, path, "{}", num_identities)
    assert written.largest_difference < 1e-5
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = random_inputs(graph, 5, num_identities)
    (faces,) = session.run(None, {key: value.numpy() for key, value in inputs.items()})
    assert faces.shape == (5, *written.faces) and faces.std() > 1e-6
    assert torch.allclose(torch.from_numpy(faces), network(*inputs.values()), atol=1e-5)
    stored = session.get_modelmeta().custom_metadata_map
    assert stored["facegen"] == "{}" and written.sha256 in stored["facegen_graph"]
    return written


@pytest.mark.parametrize("name", sorted(registry().parts["generator"]))
def test_a_generator_draws_the_same_faces(name: str, tmp_path: Path) -> None:
    if name == "stackgan_stage2":
        drawing = pipeline(name, replace(DATA, image_pixels=32), draft=pipeline("stackgan_stage1"))
    else:
        drawing = pipeline(name)
    written = check(FromCondition(drawing), graph_from_condition(drawing), tmp_path / "x.onnx")
    assert written.noise == ("as Began.noise of facegen draws it" if name == "began" else "standard normal")
    assert written.faces == (3, *[32 if name == "stackgan_stage2" else 16] * 2)


def test_every_conditioner_is_tried() -> None:
    assert {*CONDITIONERS, "speaker_embedding"} == set(registry().parts["conditioner"])


@pytest.mark.parametrize("name", sorted(CONDITIONERS))
def test_a_conditioner_gives_the_same_faces(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    part = registry().find("conditioner", name).load()
    drawing = build(part(DATA, **CONDITIONERS[name]))
    graph = graph_from_columns(drawing, DATA)
    written = check(FromColumns(drawing), graph, tmp_path / "x.onnx", DATA.num_identities)
    assert set(written.inputs) == {*part.needs, "noise"}


def test_several_conditioners_are_inputs_in_the_order_of_their_names(tmp_path: Path) -> None:
    torch.manual_seed(0)
    parts = [registry().find("conditioner", name).load()(DATA) for name in ("text_embedding", "one_hot")]
    generator = registry().find("generator", "dcgan").load()(DATA, 256, width=4)
    drawing = FacePipeline(Encoders(parts, [True, True]), [], generator).eval().requires_grad_(False)
    graph = graph_from_columns(drawing, DATA)
    assert list(graph.inputs) == ["identity", "text", "noise"]
    check(FromColumns(drawing), graph, tmp_path / "x.onnx", DATA.num_identities)


def test_dropout_and_other_random_numbers_are_found(tmp_path: Path) -> None:
    drawing = pipeline("dcgan", dropout=0.5)
    with pytest.raises(_UnfitError, match="random numbers beside the noise"):
        _export(FromCondition(drawing), graph_from_condition(drawing), tmp_path / "x.onnx", "{}")
    assert list(tmp_path.iterdir()) == []


def test_other_faces_leave_no_file(tmp_path: Path) -> None:
    drawing = pipeline("dcgan")
    network, graph = FromCondition(drawing), graph_from_condition(drawing)
    inputs = random_inputs(graph, 2)
    program = _traced(network, inputs)
    for weight in drawing.generator.to_rgb.parameters():
        weight += 0.1
    with pytest.raises(_UnfitError, match="draws other faces than torch: the largest difference"):
        _write(program, network, tmp_path / "x.onnx", graph, "{}", [inputs])
    assert list(tmp_path.iterdir()) == []
