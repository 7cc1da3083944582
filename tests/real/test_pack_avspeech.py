from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from facegen.cli.detector import frontal_detector
from facegen.core.progress import Observer
from facegen.data.corpus.reader import Corpus
from facegen.data.importers.pack import pack_pairs
from facegen.data.media.audio_decoding import read_speech
from facegen.data.media.images import read_image, square_face

REAL = Path(__file__).parents[3] / "shared" / "real"
AVSPEECH = REAL / "avspeech"

pytestmark = pytest.mark.skipif(not AVSPEECH.is_dir(), reason=f"real data is not at hand: {AVSPEECH}")


def test_the_first_twenty_rows(tmp_path):
    with (AVSPEECH / "pairs.csv").open(encoding="utf-8") as file:
        header, *rows = [line.rstrip("\n").split(",") for line in islice(file, 21)]
    places = [header.index(name) for name in ("identity", "face", "speech")]
    lines = ["identity,face,speech"]
    for row in rows:
        identity, face, speech = (row[place] for place in places)
        lines.append(f"{identity},{AVSPEECH / face},{AVSPEECH / speech}")
    (tmp_path / "pairs.csv").write_text("\n".join(lines), encoding="utf-8")
    report = pack_pairs(tmp_path / "pairs.csv", tmp_path / "out", image_pixels=64)
    assert (report.num_rows, len(report.rejects)) == (20, 0)
    corpus = Corpus.open(tmp_path / "out")
    corpus.verify(Observer())
    clip = torch.arange(20)
    faces, speech = corpus.faces(clip, torch.zeros_like(clip)), corpus.speech(clip, torch.zeros_like(clip), 96000)
    for number in (0, 7, 19):
        row = rows[number]
        image = square_face(read_image(AVSPEECH / row[places[1]]), 64)
        assert np.array_equal(faces[number], image)
        assert np.array_equal(speech[number], read_speech(AVSPEECH / row[places[2]], 16000))


def test_a_photograph_shows_a_face(tmp_path):
    photographs = sorted((REAL / "names").glob("*/*.jpg"))[::100]
    lines = ["identity,face", *(f"{path.parent.name},{path}" for path in photographs)]
    (tmp_path / "pairs.csv").write_text("\n".join(lines), encoding="utf-8")
    report = pack_pairs(tmp_path / "pairs.csv", tmp_path / "out", detect=frontal_detector)
    assert report.header.num_clips >= 0.9 * len(photographs)
    assert report.header.columns == ("faces", "identity")


@pytest.mark.parametrize(("name", "seconds"), [("talk_24s_720p.mp4", 24), ("grid_bbaf2n.mpg", 3)])
def test_speech_of_videos(name, seconds):
    speech = read_speech(REAL / "video" / name, 16000)
    assert abs(len(speech) / 16000 - seconds) < 1
    assert speech.std() > 100
