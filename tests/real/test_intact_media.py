"""Real faces, voices and videos are read without a warning; damaged, they are used as far as they go."""

from pathlib import Path

import numpy as np
import pytest

from facegen.data.media.audio_decoding import read_speech
from facegen.data.media.images import read_image
from facegen.data.media.media_files import MediaWarning

REAL = Path(__file__).parents[3] / "shared" / "real"

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason=f"real data is not at hand: {REAL}")


@pytest.mark.parametrize("pattern", ["avspeech/**/*.jpg", "names/*/*.jpg", "youtubers/*/*.jpg"])
def test_faces(pattern):
    paths = sorted(REAL.glob(pattern))[::10]
    warnings: list[MediaWarning] = []
    assert paths and all(read_image(path, warnings.append).std() > 5 for path in paths) and warnings == []


@pytest.mark.parametrize("pattern", ["avspeech/**/*.flac", "youtubers/*/*.flac", "video/*"])
def test_voices(pattern):
    paths = [path for path in sorted(REAL.glob(pattern)) if path.suffix in (".flac", ".mp4", ".mpg")]
    paths = paths if pattern == "video/*" else paths[::10]
    warnings: list[MediaWarning] = []
    assert paths and all(len(read_speech(path, 16000, warnings.append)) >= 15000 for path in paths) and warnings == []


def test_a_talk_with_damaged_bytes(tmp_path):
    content = bytearray((REAL / "video" / "talk_24s_720p.mp4").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20000] = np.random.default_rng(0).bytes(20000)
    (tmp_path / "a.mp4").write_bytes(content)
    whole = read_speech(REAL / "video" / "talk_24s_720p.mp4", 16000)
    warnings: list[MediaWarning] = []
    speech = read_speech(tmp_path / "a.mp4", 16000, warnings.append)
    assert [warning.reason for warning in warnings] == ["has damaged packets, which become silence"]
    assert abs(len(speech) - len(whole)) <= 400 and np.abs(speech[-80000:].astype(int) - whole[-80000:]).max() < 2000
