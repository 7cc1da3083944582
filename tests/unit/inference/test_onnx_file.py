"""Every built-in generator as an ONNX file, and what is refused; skipped without the packages of facegen[onnx]."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("onnx", reason="pip install facegen[onnx]")
pytest.importorskip("onnxscript", reason="pip install facegen[onnx]")
pytest.importorskip("onnxruntime", reason="pip install facegen[onnx]")

from facegen.core.errors import CheckpointError
from facegen.core.registry import registry
from facegen.inference import onnx_file
from facegen.inference.onnx_file import OnnxGraph, _FromCondition, _random_numbers, _traced, _write
from facegen.testing.samples import SMALL_DATA
from facegen.training.face_pipeline import Encoders, FacePipeline

DATA = replace(SMALL_DATA, image_pixels=16)
SMALL = {
    "adain": {"width": 4}, "began": {"num_filters": 4}, "dcgan": {"width": 4}, "r3gan": {"width": 32},
    "self_attention": {"width": 4}, "stackgan_stage1": {"width": 16}, "voice2face": {"width": 4},
    "stackgan_stage2": {"width": 8, "draft_pixels": 16, "residual_blocks": 1},
}  # fmt: skip


def pipeline(name: str, data=DATA, draft=None, **settings) -> FacePipeline:
    torch.manual_seed(0)
    conditioner = registry().find("conditioner", "one_hot").load()(data, condition_dim=8)
    generator = registry().find("generator", name).load()(data, 8, **SMALL[name], **settings)
    built = FacePipeline(Encoders([conditioner], [True]), [], generator, draft)
    return built.eval().requires_grad_(False)


def graph_of(drawing: FacePipeline) -> OnnxGraph:
    width = onnx_file._joint_width(drawing)
    noise = {"noise": (drawing.noise_dim,)} if drawing.noise_dim else {}
    return OnnxGraph("condition", {"condition": (width,), **noise}, onnx_file._distribution(drawing))


@pytest.mark.parametrize("name", sorted(registry().parts["generator"]))
def test_a_generator_draws_the_same_faces(name: str, tmp_path: Path) -> None:
    if name == "stackgan_stage2":
        drawing = pipeline(name, replace(DATA, image_pixels=32), draft=pipeline("stackgan_stage1"))
    else:
        drawing = pipeline(name)
    network, graph = _FromCondition(drawing), graph_of(drawing)
    assert _random_numbers(network, graph) == ""
    path = tmp_path / "x.onnx"
    written = _write(_traced(network, graph), network, path, graph, "{}")
    assert written.largest_difference < 1e-5
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = {key: torch.randn(5, *row) for key, row in graph.inputs.items()}
    (faces,) = session.run(None, {key: value.numpy() for key, value in inputs.items()})
    assert torch.allclose(torch.from_numpy(faces), drawing.draw(*inputs.values()), atol=1e-5)
    assert faces.std() > 1e-6
    stored = session.get_modelmeta().custom_metadata_map
    assert stored["facegen"] == "{}" and written.sha256 in stored["facegen_graph"]
    assert written.noise == ("as Began.noise of facegen draws it" if name == "began" else "standard normal")


def test_dropout_and_other_random_numbers_are_found() -> None:
    drawing = pipeline("dcgan", dropout=0.5)
    assert "random numbers beside the noise" in _random_numbers(_FromCondition(drawing), graph_of(drawing))


def test_other_faces_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = pipeline("dcgan")
    network, graph = _FromCondition(drawing), graph_of(drawing)
    program = _traced(network, graph)
    for weight in drawing.generator.to_rgb.parameters():
        weight += 0.1
    with pytest.raises(CheckpointError, match="draws other faces than torch: the largest difference"):
        _write(program, network, tmp_path / "x.onnx", graph, "{}")
    assert list(tmp_path.iterdir()) == []
