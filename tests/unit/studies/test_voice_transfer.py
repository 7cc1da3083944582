"""The study of the transfer from synthetic to real voices, on encodings whose answers are known."""

from pathlib import Path

import pytest
import torch

from studies.real_voices import RealVoices
from studies.voice_transfer import probes_table, separation


def speakers(count: int) -> RealVoices:
    generator = torch.Generator().manual_seed(1)
    sex = (torch.rand(count, generator=generator) > 0.5).float()
    age = 20 + 50 * torch.rand(count, generator=generator)
    return RealVoices([Path("a.wav")] * count, sex, age, torch.arange(count))


def encodings(people: RealVoices, shift: float = 0.0) -> torch.Tensor:
    """Make encodings that hold sex and age in two of forty directions, beside noise."""
    generator = torch.Generator().manual_seed(len(people.sex))
    rows = torch.randn(len(people.sex), 40, generator=generator) * 0.3
    rows[:, 3] += 4 * people.sex
    rows[:, 7] += (people.age - 45) / 5
    rows[:, 9] += shift
    return rows


def test_probes_on_synthetic_voices_read_real_ones() -> None:
    synthetic, real = speakers(300), speakers(200)
    truth = {"sex": synthetic.sex, "age": synthetic.age}
    table = probes_table(encodings(synthetic), truth, encodings(real), real)
    cells = [cell.strip() for cell in table.splitlines()[2].strip("|").split("|")]
    assert cells[:2] == ["8", "1.000"]
    assert all(float(cell.split()[0]) > 0.95 for cell in cells[2:5])
    assert abs(float(cells[5]) - float(real.age.median())) < 3


def test_separation_is_a_half_for_equal_voices_and_one_for_distant_ones() -> None:
    one, other = encodings(speakers(400)), encodings(speakers(401))
    assert separation(one, other) == pytest.approx(0.5, abs=0.08)
    assert separation(one, encodings(speakers(401), shift=3.0)) > 0.99


def test_rows_without_an_age_are_left_out() -> None:
    people = RealVoices(
        [Path("a"), Path("b")], torch.tensor([0.0, 1.0]), torch.tensor([float("nan"), 30.0]), torch.arange(2)
    )
    assert people.with_age().speech == [Path("b")]
    assert people.with_age().age.tolist() == [30.0]
