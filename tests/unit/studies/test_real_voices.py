"""The study of real voices: its table of people, its probe, and its table of requirements."""

import math
from pathlib import Path

import torch

from facegen.core.statistics import Estimate
from studies.real_voices import RealVoices, Requirement, to_markdown
from studies.speaker_probe import Probe


def test_table_of_people_is_read(tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text("speech,sex,age,identity\na.wav,female,31,ada\nb.wav,Male,,ben\nc.wav,,40,cid\nd.wav,f,33,ada\n")
    voices = RealVoices.read(table)
    assert voices.speech == [tmp_path / "a.wav", tmp_path / "b.wav", tmp_path / "d.wav"]
    assert voices.sex.tolist() == [0.0, 1.0, 0.0]
    assert voices.person.tolist() == [0, 1, 0]
    assert voices.age[0] == 31 and math.isnan(voices.age[1])


def test_probe_recovers_a_linear_quantity() -> None:
    torch.manual_seed(0)
    conditions = torch.randn(400, 5) * torch.tensor([1.0, 10.0, 0.1, 1.0, 1.0]) + 3
    target = 2 * conditions[:, 0] - 0.3 * conditions[:, 1] + 7
    read = Probe.fit(conditions[:300], target[:300], strength=1e-6).read(conditions[300:])
    assert torch.allclose(read, target[300:].double(), atol=1e-3)


def test_table_marks_what_is_not_met() -> None:
    table = to_markdown([Requirement("skin", Estimate(0.2, 0.15, 0.25), "below .1", False)])
    assert table.splitlines()[-1] == "| skin | 0.200 | 0.150 to 0.250 | below .1 | **no** |"
