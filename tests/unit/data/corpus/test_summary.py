import numpy as np
import pytest
import torch
from corpus_files import make_speech, write_png, write_wav

from facegen.core.recipe.tables import DataSettings
from facegen.data.corpus.dataset import Packed
from facegen.data.corpus.summary import evenly_spaced, summarise
from facegen.data.importers.pack import pack_pairs


@pytest.fixture
def packed(pairs, tmp_path):
    cells = {row: {"sex": "mf"[row % 3 == 0], "consent": "" if row else "signed"} for row in range(5)}
    cells[5] = {"speech": "speech/4.wav", "identity": "person 1", "sex": "m"}
    table = pairs(6, 3, cells)
    ramp = np.repeat(np.linspace(0, 255, 32, dtype=np.uint8)[:, None], 32, axis=1)
    write_png(tmp_path / "faces" / "0.png", np.stack([ramp] * 3, axis=2))
    write_png(tmp_path / "faces" / "1.png", np.full((32, 32, 3), 70, np.uint8))
    loud = np.full(16000, 32767, np.int16)
    write_wav(tmp_path / "speech" / "0.wav", loud)
    write_wav(tmp_path / "speech" / "1.wav", (make_speech(0, 16000) / 300).astype(np.int16))
    pack_pairs(table, tmp_path / "out", image_pixels=32)
    return Packed(DataSettings(image_pixels=32, num_folds=2), path=tmp_path / "out")


def test_counts_and_faults(packed):
    summary = summarise(packed)
    assert (summary.people, summary.clips, summary.faces, summary.tracks) == (3, 5, 6, 5)
    assert summary.speech_seconds == pytest.approx((16000 * 2 + 1602 + 1603 + 1604) / 16000)
    assert summary.consent == {"signed": 1, "unknown": 4}
    assert summary.attributes == {"sex": {0: 1, 1: 2}}
    assert sum(split["clips"] for split in summary.splits.values()) == 5
    quality = summary.quality
    assert (quality.num_clips, quality.flat, quality.short, quality.quiet, quality.clipped) == (5, 1, 3, 1, 1)
    assert quality.blurred == 2  # the ramp and the face of one colour


def test_one_split(packed):
    whole = summarise(packed)
    for split in ("train", "heldout_people"):
        summary = summarise(packed, split)
        assert summary.clips == whole.splits[split]["clips"]
        assert summary.splits == whole.splits


def test_evenly_spaced_clips_include_both_ends():
    assert evenly_spaced(torch.arange(100), 5).tolist() == [0, 24, 49, 74, 99]
    assert evenly_spaced(torch.arange(3), 5).tolist() == [0, 1, 2]
