"""Recordings of any length: encoded whole by encoders that allow it, cropped for all others."""

from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import DataError
from facegen.core.interfaces import Conditioner
from facegen.core.progress import Observer
from facegen.data.media.audio_encoding import encode_wav
from facegen.inference.inputs import read_speech_row, read_speeches
from facegen.inference.sample import encode_speeches
from facegen.training.face_pipeline import Encoders

RATE = 16000
DATA = DataSpec(image_pixels=8, sample_rate_hz=RATE, speech_samples=RATE, columns=frozenset({"faces", "speech"}))


class MeanLength(Conditioner):
    needs: ClassVar[frozenset[str]] = frozenset({"speech"})
    whole_speech_seconds: ClassVar[float | None] = 3.0
    condition_dim = 1

    def forward(self, batch: Batch) -> Tensor:
        assert batch.speech is not None
        return torch.full((len(batch.speech), 1), float(batch.speech.shape[1]))


class Cropped(MeanLength):
    whole_speech_seconds: ClassVar[float | None] = None


@pytest.fixture
def recording(tmp_path: Path):
    def write(seconds: float) -> Path:
        path = tmp_path / f"{seconds}.wav"
        tone = (torch.sin(torch.arange(round(seconds * RATE)) / 20) * 8000).short()
        path.write_bytes(encode_wav(tone.numpy(), RATE))
        return path

    return write


@pytest.mark.parametrize(("seconds", "samples"), [(0.5, RATE), (2.0, 2 * RATE), (5.0, 3 * RATE)])
def test_a_recording_is_kept_up_to_the_limit(recording, seconds: float, samples: int) -> None:
    path = recording(seconds)
    assert len(read_speech_row(path, DATA, Observer(), whole_seconds=3.0)) == samples
    assert len(read_speech_row(path, DATA, Observer())) == RATE


def test_recordings_of_different_lengths_are_encoded_one_by_one(recording) -> None:
    encoders = Encoders([MeanLength()], [True])
    assert encoders.whole_speech_seconds == 3.0
    rows = read_speeches([recording(2.0), recording(5.0)], None, DATA, Observer(), encoders.whole_speech_seconds)
    assert encode_speeches(encoders, rows, torch.device("cpu")).tolist() == [[2.0 * RATE], [3.0 * RATE]]


def test_one_encoder_that_needs_a_fixed_length_decides() -> None:
    assert Encoders([MeanLength(), Cropped()], [True, True]).whole_speech_seconds is None
    assert Encoders([Cropped()], [True]).whole_speech_seconds is None


def test_every_recording_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        read_speeches([tmp_path / "a.wav", tmp_path / "b.wav"], None, DATA, Observer(), 3.0)
    assert len(error.value.problems) == 2
