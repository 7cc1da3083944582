import io
import os
from pathlib import Path

import av
import numpy as np
import pytest
from corpus_files import draw_face, make_speech, write_png, write_wav
from PIL import Image

from facegen.core.errors import DataError
from facegen.data.media.audio_decoding import read_speech
from facegen.data.media.images import read_image, square_face
from facegen.data.media.media_files import UnusableFileError, open_readable


def tone(rate_hz: int, seconds: float = 1.0, hz: float = 440.0) -> np.ndarray:
    return (10000 * np.sin(2 * np.pi * hz * np.arange(round(rate_hz * seconds)) / rate_hz)).astype(np.int16)


def encode(path: Path, samples: np.ndarray, codec: str, rate_hz: int, video: bool = False) -> Path:
    with av.open(str(path), "w") as container:
        if video:
            pictures = container.add_stream("mpeg4", rate=25)
            pictures.width = pictures.height = 32
            pictures.pix_fmt = "yuv420p"
        sound = container.add_stream(codec, rate=rate_hz, layout="mono")
        if video:
            for number in range(5):
                frame = av.VideoFrame.from_ndarray(draw_face(number), format="rgb24")
                container.mux(pictures.encode(frame))
            container.mux(pictures.encode(None))
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = rate_hz
        fitting = av.AudioResampler(
            format=sound.codec_context.format,
            layout="mono",
            rate=rate_hz,
            frame_size=sound.codec_context.frame_size or 1024,
        )
        for piece in [*fitting.resample(frame), *fitting.resample(None)]:
            container.mux(sound.encode(piece))
        container.mux(sound.encode(None))
    return path


def test_audio_at_its_own_rate_is_bit_exact(tmp_path):
    samples = make_speech(0, 50001)
    assert np.array_equal(read_speech(write_wav(tmp_path / "a.wav", samples), 16000), samples)


def test_flac_is_bit_exact(tmp_path):
    samples = make_speech(1, 20000)
    assert np.array_equal(read_speech(encode(tmp_path / "a.flac", samples, "flac", 16000), 16000), samples)


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 48000])
def test_other_rates_are_resampled_to_the_same_tone_and_length(tmp_path, rate_hz):
    speech = read_speech(write_wav(tmp_path / "a.wav", tone(rate_hz), rate_hz), 16000)
    assert abs(len(speech) - 16000) <= 1
    inner = slice(1000, 15000)
    assert np.abs(speech[inner].astype(int) - tone(16000)[: len(speech)][inner]).max() < 300


def test_channels_are_averaged(tmp_path):
    both = np.stack([np.full(4000, 6000), np.full(4000, -2000)], axis=1).astype(np.int16)
    speech = read_speech(write_wav(tmp_path / "a.wav", both), 16000)
    assert len(speech) == 4000
    assert np.abs(speech.astype(int) - 2000).max() <= 1


def test_audio_of_a_video(tmp_path):
    path = encode(tmp_path / "a.mp4", tone(44100), "aac", 44100, video=True)
    speech = read_speech(path, 16000)
    assert abs(len(speech) - 16000) < 2000  # AAC adds silence at both ends
    spectrum = np.abs(np.fft.rfft(speech[2000:14000].astype(float)))
    assert abs(spectrum.argmax() * 16000 / 12000 - 440) < 2


def hostile_sounds(folder: Path) -> dict[str, Path]:
    write_png(folder / "picture.png", draw_face(0))
    write_wav(folder / "none.wav", make_speech(0, 0))
    write_wav(folder / "silent.wav", np.zeros(100, np.int16))
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("this is no sound\n" * 20)
    (folder / "noise.wav").write_bytes(np.random.default_rng(0).bytes(3000))
    segment = encode(folder / "segment.ts", tone(16000), "aac", 16000)
    (folder / "list.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\n{segment}\n#EXT-X-ENDLIST\n")
    whole = encode(folder / "whole.mp4", tone(16000), "aac", 16000).read_bytes()
    (folder / "half.mp4").write_bytes(whole[: len(whole) // 2])
    with av.open(str(folder / "mute.mp4"), "w") as container:
        pictures = container.add_stream("mpeg4", rate=25)
        pictures.width = pictures.height = 32
        container.mux(pictures.encode(av.VideoFrame.from_ndarray(draw_face(0), format="rgb24")))
        container.mux(pictures.encode(None))
    return {
        "does not exist": folder / "missing.wav",
        "is not a file": folder,
        "is empty (0 bytes)": folder / "empty.wav",
        "it looks like a text file": folder / "text.wav",
        "cannot be decoded": folder / "noise.wav",
        "cannot be decoded (": folder / "list.m3u8",
        "cannot be decoded (I": folder / "half.mp4",
        "has no audio track; give a file with audio": folder / "mute.mp4",
        "has no audio track": folder / "picture.png",
        "has an empty audio track": folder / "none.wav",
        "is silent": folder / "silent.wav",
        "is not a usable file name": Path("a" * 5000),
    }


def test_unusable_audio_is_refused_with_a_message_only(tmp_path, capfd):
    for message, path in hostile_sounds(tmp_path).items():
        with pytest.raises(UnusableFileError) as caught:
            read_speech(path, 16000)
        assert str(caught.value).startswith(f"{path}: ")
        assert message in str(caught.value)
        assert "; " in str(caught.value)
        assert caught.value.__cause__ is None
    assert capfd.readouterr() == ("", "")


def test_an_image_is_bit_exact(tmp_path):
    face = draw_face(3, 40)
    assert np.array_equal(read_image(write_png(tmp_path / "a.png", face)), face)


def test_exif_rotation_is_applied(tmp_path):
    face = draw_face(4, 32)[:20]
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate clockwise by 90 degrees
    Image.fromarray(face).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "a.png"), np.rot90(face, -1))


def test_grey_palette_transparent_and_high_depth_images(tmp_path):
    grey = draw_face(5)[:, :, 0]
    assert np.array_equal(read_image(write_png(tmp_path / "grey.png", grey)), np.stack([grey] * 3, axis=2))
    deep = grey.astype(np.uint16) * 256 + 77
    assert np.array_equal(read_image(write_png(tmp_path / "deep.png", deep)), np.stack([grey] * 3, axis=2))
    clear = np.dstack([draw_face(6), np.zeros((32, 32), np.uint8)])
    clear[:16, :, 3] = 255
    seen = read_image(write_png(tmp_path / "clear.png", clear))
    assert np.array_equal(seen[:16], clear[:16, :, :3])
    assert (seen[16:] == 255).all()
    Image.fromarray(draw_face(7)).quantize(8).save(tmp_path / "palette.png")
    assert read_image(tmp_path / "palette.png").shape == (32, 32, 3)


def hostile_pictures(folder: Path) -> dict[str, Path]:
    whole = write_png(folder / "whole.png", draw_face(0)).read_bytes()
    (folder / "half.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(draw_face(0, 64)).save(folder / "whole.jpg")
    photograph = (folder / "whole.jpg").read_bytes()
    (folder / "half.jpg").write_bytes(photograph[: len(photograph) // 2])
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("identity,face\n")
    (folder / "eps.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\n")
    write_png(folder / "small.png", draw_face(0)[:9, :20])
    Image.new("1", (8001, 8000)).save(folder / "huge.png")
    return {
        "does not exist": folder / "missing.png",
        "is empty": folder / "empty.png",
        "is not an image (it looks like a text file)": folder / "text.png",
        "is not an image": folder / "eps.png",
        "is a damaged image": folder / "half.png",
        "is a damaged image (": folder / "half.jpg",
        "is smaller than 16 pixels (20x9)": folder / "small.png",
        "has more than 64 megapixels": folder / "huge.png",
    }


def test_unusable_images_are_refused_with_a_message_only(tmp_path, capfd):
    for message, path in hostile_pictures(tmp_path).items():
        with pytest.raises(UnusableFileError) as caught:
            read_image(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert message in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_square_face_cuts_the_middle_and_averages_areas():
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, 10:50] = draw_face(8, 40)
    assert np.array_equal(square_face(image, 40), draw_face(8, 40))
    halved = draw_face(8, 40).reshape(20, 2, 20, 2, 3).mean(axis=(1, 3))
    assert np.abs(square_face(image, 20) - halved).max() <= 0.5
    assert square_face(image, 64).shape == (64, 64, 3)


def test_no_python_code_runs_while_pyav_reads_a_file(tmp_path):
    """PyAV drops exceptions of the Python code that it calls, a request to stop among them."""
    path = tmp_path / "sound.wav"
    path.write_bytes(b"RIFF")
    with open_readable(path) as file:
        assert type(file) is io.BufferedReader and type(file.raw) is io.FileIO
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="is a pipe; give a regular file"):
        open_readable(tmp_path / "pipe")
