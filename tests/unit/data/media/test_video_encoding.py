"""Encoded videos are decoded again by the readers of the libraries."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from facegen.core.errors import DataError
from facegen.data.media import video_encoding
from facegen.data.media.video_encoding import encode_gif, encode_mp4


def frames(num: int, height: int = 49, width: int = 65) -> np.ndarray:
    """Draw a bright bar that moves to the right on grey."""
    images = np.full((num, height, width, 3), 60, dtype=np.uint8)
    for number in range(num):
        images[number, :, 5 * number : 5 * number + 5] = 230
    return images


def test_a_gif_has_all_frames_and_loops() -> None:
    with Image.open(io.BytesIO(encode_gif(frames(6), 12))) as film:
        assert (film.n_frames, film.size, film.info["loop"], film.info["duration"]) == (6, (65, 49), 0, 80)
        film.seek(3)
        assert np.abs(np.asarray(film.convert("RGB")).astype(int) - frames(6)[3]).max() < 12


@pytest.mark.parametrize("encoder", ["libx264", "mpeg4"])
def test_an_mp4_shows_the_written_frames(encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if encoder not in av.codecs_available:
        pytest.skip(f"this build of PyAV has no {encoder}")
    monkeypatch.setattr(video_encoding, "ENCODERS", ("of_no_build", encoder))
    assert encode_mp4(frames(8), tmp_path / "film.mp4", 12) == encoder
    with av.open(str(tmp_path / "film.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (66, 50, 12)  # even sides
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(shown) == 8
    for number, frame in enumerate(shown):
        brightest = int(frame[10, :, 1].astype(int).argmax())
        assert 5 * number - 1 <= brightest <= 5 * number + 5
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_a_missing_encoder_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_encoding, "ENCODERS", ("of_no_build",))
    with pytest.raises(DataError, match="has none of the encoders of_no_build; install the `av` package"):
        encode_mp4(frames(2), tmp_path / "film.mp4", 12)
    assert not list(tmp_path.iterdir())
