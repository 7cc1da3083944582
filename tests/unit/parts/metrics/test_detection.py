"""Detection: rendered faces are found, and pictures without a face or with several are not counted."""

from dataclasses import replace

import torch

from facegen.core.evidence import Evidence
from facegen.data.synthetic.face import render_faces
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.people import draw_people
from facegen.parts.metrics.detection import Detection
from facegen.testing.samples import sample_evidence

NUM = 12


def renders() -> torch.Tensor:
    clip = torch.arange(NUM)
    return render_faces(draw_people(1, clip), draw_moments(1, clip, torch.zeros_like(clip)), 64)


def shown(drawn: torch.Tensor) -> Evidence:
    fake = drawn[:, None].expand(-1, 2, -1, -1, -1)
    return replace(sample_evidence(), person=torch.arange(NUM), real_faces=renders(), fake_faces=fake)


def test_rendered_faces_are_found_and_noise_is_not() -> None:
    metric = Detection()
    assert metric.detected(renders()).mean() >= 0.8
    noise = torch.randint(0, 256, (NUM, 64, 64, 3), generator=torch.manual_seed(0)).to(torch.uint8)
    assert metric.detected(noise).sum() == 0
    four = renders()[:4].reshape(2, 2, 64, 64, 3).permute(0, 2, 1, 3, 4).reshape(1, 128, 128, 3)
    assert metric.detected(four).tolist() == [0.0]


def test_generated_faces_are_compared_with_real_ones() -> None:
    figures = {figure.key: figure for figure in Detection().measure(shown(renders()))}
    assert figures["generated"].value == figures["real"].value >= 0.8
    turned = {figure.key: figure for figure in Detection().measure(shown(renders().flip(1)))}
    assert turned["generated"].value <= 0.2 < turned["real"].value
    assert turned["generated"].high is not None and turned["generated"].high < turned["real"].value


def test_a_run_without_faces_has_no_figure() -> None:
    (figure,) = Detection().measure(replace(sample_evidence(), fake_faces=None))
    assert "draws no faces" in figure.note
