"""Tests on a GPU: equal pictures and sounds on both devices, training in bf16, and resuming."""

from pathlib import Path

import pytest
import torch
from tiny_runs import RECIPES, settings

from facegen.data.synthetic.face import render_faces
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.people import draw_people
from facegen.data.synthetic.voice import speak

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]


def test_faces_are_equal_on_both_devices() -> None:
    def render(device: str) -> torch.Tensor:
        clip = torch.arange(16, device=device)
        return render_faces(draw_people(0, clip), draw_moments(0, clip, torch.zeros_like(clip)), 64).cpu().int()

    assert (render("cuda") - render("cpu")).abs().float().mean() < 0.05


def test_voices_are_equal_on_both_devices() -> None:
    def talk(device: str) -> torch.Tensor:
        clip = torch.arange(8, device=device)
        return speak(draw_people(0, clip), 0, clip, 16000).samples.cpu()

    assert torch.allclose(talk("cuda"), talk("cpu"), atol=1e-3)


def test_both_stages_train_in_bf16_and_resume(tmp_path: Path) -> None:
    from facegen.cli.main import main

    words = ["train", str(RECIPES / "speech_relid.toml"), "--preset", "small", *settings(run__precision="bf16")]
    assert main([*words, "--set", "train.steps=2", "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "samples" / "step_00000002.png").exists()
    assert main([*words, "--set", "train.steps=2", "--out", str(tmp_path / "run"), "--resume"]) == 0
