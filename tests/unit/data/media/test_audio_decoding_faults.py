"""Audio files with faults: the usable part is read, and every repair is reported."""

import struct
import wave

import numpy as np
import pytest
from media_files import damage_packets, encode_sound, strongest_hz, tone, write_riff

from facegen.data.media.audio_decoding import read_speech
from facegen.data.media.media_files import MediaWarning, UnusableFileError

TONE = tone()
DAMAGED = "has damaged packets, which become silence"
NOT_FINITE = "has samples that are not finite, which are interpolated"
OPPOSITE = "has channels of opposite phase; only one is used"
SKIPPED = "has bytes that are not audio, which are skipped"
CHANGES = "changes its sample rate or its channels"
LENGTH = "has a wrong length in its header, and is read to its end"


def read(path, rate_hz=16000):
    warnings: list[MediaWarning] = []
    return read_speech(path, rate_hz, warnings.append), {warning.reason: warning.detail for warning in warnings}


def in_bytes(samples, bits):
    """Encode samples in the upper 16 bits of little-endian 24 or 32-bit integers."""
    wide = (samples.astype("<i4") << 16).view(np.uint8).reshape(-1, 4)
    return wide[:, 4 - bits // 8 :].tobytes()


def test_every_kind_of_sample_has_the_same_value(tmp_path):
    kinds = {
        "f32": (TONE / 32768).astype("<f4"), "f64": TONE / 32768, "s16": TONE,
    }  # fmt: skip
    for name, samples in kinds.items():
        assert np.array_equal(read(write_riff(tmp_path / f"{name}.wav", samples))[0], TONE), name
    for bits in (24, 32):
        path = write_riff(tmp_path / f"s{bits}.wav", TONE, bits=bits, data=in_bytes(TONE, bits))
        assert np.array_equal(read(path)[0], TONE), bits
    eight = (TONE // 256 + 128).astype(np.uint8)
    assert np.array_equal(read(write_riff(tmp_path / "u8.wav", eight))[0], TONE // 256 * 256)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_samples_that_are_not_finite_are_interpolated(tmp_path, bad, dtype):
    ramp = np.linspace(-0.5, 0.5, 16000)
    samples = ramp.astype(dtype)
    samples[[5000, 5001, 9000]] = bad
    speech, warnings = read(write_riff(tmp_path / "a.wav", samples))
    assert np.abs(speech - ramp * 32768).max() <= 1
    assert warnings == {NOT_FINITE: "3 of 16000"}


def test_each_channel_is_interpolated_separately(tmp_path):
    both = np.stack([np.full(4000, 0.25), np.full(4000, 0.75)], axis=1).astype("<f4")
    both[2000, 0] = both[3000, 1] = np.nan
    speech, warnings = read(write_riff(tmp_path / "a.wav", both))
    assert np.abs(speech.astype(int) - 16384).max() <= 1 and warnings == {NOT_FINITE: "2 of 8000"}


def test_audio_with_mostly_non_finite_samples_is_refused(tmp_path):
    samples = (TONE / 32768).astype("<f4")
    samples[::3] = np.nan
    for some in (samples, np.full(16000, np.nan, "<f4")):
        with pytest.raises(UnusableFileError, match=r"samples that are not finite \(\d+ of 16000\); export"):
            read(write_riff(tmp_path / "a.wav", some))


def test_floats_beyond_full_scale_are_clipped_and_counted_or_refused(tmp_path):
    loud = (TONE / 8000).astype("<f4")
    speech, warnings = read(write_riff(tmp_path / "a.wav", loud))
    assert np.array_equal(speech, np.clip(np.rint(loud * 32768.0), -32768, 32767))
    assert warnings == {"has samples beyond full scale, which are clipped": f"{(np.abs(loud) > 1).sum()} of 16000"}
    with pytest.raises(UnusableFileError, match=r"has float samples far beyond full scale \(10000\); save it with"):
        read(write_riff(tmp_path / "b.wav", TONE.astype("<f4")))


@pytest.mark.parametrize("factor", [1.0, 0.9, 0.7])
@pytest.mark.parametrize("rate_hz", [16000, 44100])
def test_channels_of_opposite_phase_do_not_cancel(tmp_path, rate_hz, factor):
    loud = tone(rate_hz)
    both = np.stack([loud, (-factor * loud).astype(np.int16)], axis=1)
    speech, warnings = read(write_riff(tmp_path / "a.wav", both, rate_hz))
    assert np.abs(speech[1000:-1000].astype(int) - TONE[: len(speech)][1000:-1000]).max() < 300
    assert warnings == {OPPOSITE: ""}


def test_opposite_phase_in_other_formats(tmp_path):
    both = np.stack([TONE, -TONE], axis=1)
    assert np.array_equal(read(write_riff(tmp_path / "f.wav", (both / 32768).astype("<f4")))[0], TONE)
    eight = (both // 256 + 128).astype(np.uint8)
    speech, warnings = read(write_riff(tmp_path / "u.wav", eight))
    # The loudest channel, here the second one.
    assert np.array_equal(speech, -TONE // 256 * 256) and warnings == {OPPOSITE: ""}
    four = np.stack([TONE, -TONE, TONE, -TONE], axis=1)
    assert np.array_equal(read(write_riff(tmp_path / "4.wav", four))[0], TONE)
    loud = tone(44100)
    for name, codec in (("a.mp3", "libmp3lame"), ("a.m4a", "aac")):
        speech, warnings = read(encode_sound(tmp_path / name, np.stack([loud, -loud], axis=1), codec, 44100))
        assert np.abs(speech[4000:12000].astype(int)).max() == pytest.approx(10000, rel=0.1)
        assert abs(strongest_hz(speech[4000:12000]) - 440) <= 2 and OPPOSITE in warnings


def test_opposite_phase_that_begins_late_is_detected(tmp_path):
    same, opposite = np.stack([TONE, TONE], axis=1), np.stack([TONE, -TONE], axis=1)
    speech, warnings = read(write_riff(tmp_path / "a.wav", np.concatenate([same, same, opposite, opposite, opposite])))
    loudness = np.abs(speech.reshape(5, 16000)[:, 8000:].astype(int)).max(axis=1)
    assert loudness.tolist() == pytest.approx([10000, 10000, 5000, 10000, 10000], rel=0.01) or loudness[3:].min() > 9900
    assert len(speech) == 5 * 16000 and OPPOSITE in warnings


def test_other_stereo_is_averaged(tmp_path):
    noise = np.random.default_rng(0).integers(-9000, 9000, (16000, 2)).astype(np.int16)
    for both in (np.stack([TONE, TONE], axis=1), np.stack([TONE, 0 * TONE], axis=1), noise):
        speech, warnings = read(write_riff(tmp_path / "a.wav", both))
        assert np.abs(speech - both.mean(axis=1)).max() <= 1 and warnings == {}


def test_more_channels_than_a_layout_has_are_averaged(tmp_path):
    for channels in (9, 64):
        assert np.array_equal(read(write_riff(tmp_path / "a.wav", np.stack([TONE] * channels, axis=1)))[0], TONE)
    centre = np.zeros((16000, 6), np.int16)
    centre[:, 2] = TONE
    speech, warnings = read(write_riff(tmp_path / "b.wav", centre))
    # FFmpeg's mix of 5.1: the centre by 1, left and right by 1 / sqrt(2), the surrounds by 1 / 2.
    assert np.abs(speech - TONE / (2 + 2**0.5)).max() <= 1 and warnings == {}


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 0x7FFFF000])
def test_a_placeholder_length_is_no_fault(tmp_path, length):
    speech, warnings = read(write_riff(tmp_path / "a.wav", TONE, length=length))
    assert np.array_equal(speech, TONE) and warnings == {}


@pytest.mark.parametrize("length", [1000, 1001, 31998, 64000])
def test_a_wrong_length_in_the_header_loses_no_audio(tmp_path, length):
    speech, warnings = read(write_riff(tmp_path / "a.wav", TONE, length=length))
    assert np.array_equal(speech, TONE)
    assert warnings == {LENGTH: f"{length} bytes of samples by the header, 32000 in the file"}


@pytest.mark.parametrize(
    "tail", [b"LIST\4\0\0\0INFO", b"ID3\4" + bytes(range(100)), b"TAG" + bytes(125), b"APETAGEX" + bytes(60), b"\0"]
)
def test_chunks_after_the_samples_are_not_decoded(tmp_path, tail):
    speech, warnings = read(write_riff(tmp_path / "a.wav", TONE, tail=tail))
    assert np.array_equal(speech, TONE) and warnings == {}


@pytest.mark.parametrize("rate_hz", [0, 1, 100, 999, 2**31 - 1, 2**32 - 1])
def test_implausible_sample_rates_are_refused(tmp_path, rate_hz):
    with pytest.raises(UnusableFileError, match=r"has an implausible sample rate|cannot be decoded"):
        read(write_riff(tmp_path / "a.wav", TONE, rate_hz))


def test_files_without_audio_are_refused_by_reason(tmp_path):
    reasons = {}
    for name, samples in {"none": TONE[:0], "one": TONE[5:6], "short": TONE[5:164], "silent": 0 * TONE}.items():
        with pytest.raises(UnusableFileError) as caught:
            read(write_riff(tmp_path / f"{name}.wav", samples))
        reasons[name] = caught.value.reason
    for name, channels, bits in (("no channels", 0, 16), ("no bits", 1, 0)):
        path = write_riff(tmp_path / f"{name}.wav", TONE, data=TONE.tobytes())
        content = bytearray(path.read_bytes())
        struct.pack_into("<H", content, 22, channels)
        struct.pack_into("<H", content, 34, bits)
        path.write_bytes(content)
        with pytest.raises(UnusableFileError) as caught:
            read(path)
        reasons[name] = caught.value.reason
    assert reasons == {
        "none": "has an empty audio track",
        "one": "is shorter than 0.01 s",
        "short": "is shorter than 0.01 s",
        "silent": "is silent, every sample is 0",
        "no channels": "has no audio track",
        "no bits": "has no audio track",
    }
    assert len(read(write_riff(tmp_path / "a.wav", TONE[5:165]))[0]) == 160


PACKED = {"a.mp3": "libmp3lame", "a.aac": "aac", "a.m4a": "aac", "a.mp4": "aac", "a.mka": "aac", "a.ts": "aac"}


@pytest.mark.parametrize("name", PACKED)
def test_damaged_packets_lose_only_their_own_length(tmp_path, name):
    """Three packets of a 4 s file are damaged; the change of the tone at 3 s must stay at 3 s."""
    whole = encode_sound(tmp_path / name, np.concatenate([tone(22050, 3), tone(22050, 1, 880)]), PACKED[name], 22050)
    expected, none = read(whole)
    assert none == {}
    damage_packets(whole, tmp_path / f"damaged-{name}", range(20, 23))
    speech, warnings = read(tmp_path / f"damaged-{name}")
    assert warnings.keys() == ({SKIPPED} if name == "a.aac" else {DAMAGED})
    # Raw MP3 and ADTS lose packets with damaged headers: at most a tenth of a second.
    bare = name in ("a.mp3", "a.aac")
    assert abs(len(speech) - len(expected)) <= (6000 if bare else 200)
    assert strongest_hz(speech[-12000:-4000]) == pytest.approx(880, abs=4)
    late = speech[45000:] if not bare else speech[45000 - (len(expected) - len(speech)) :]
    assert strongest_hz(late[:2000]) == pytest.approx(440, abs=16)
    if name == "a.mp4":
        assert np.abs(speech[50000:60000].astype(int) - expected[50000:60000]).max() < 1000


def test_mostly_damaged_audio_is_refused(tmp_path):
    whole = encode_sound(tmp_path / "a.mp4", tone(22050, 4), "aac", 22050)
    damage_packets(whole, tmp_path / "damaged.mp4", range(20, 80))
    with pytest.raises(UnusableFileError, match=r"has no audio that can be decoded \(\d\d of \d\d packets\); get it"):
        read(tmp_path / "damaged.mp4")


def test_garbage_in_the_middle_of_an_mp3(tmp_path):
    content = bytearray(encode_sound(tmp_path / "a.mp3", tone(44100, 4), "libmp3lame", 44100).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 600] = bytes(600)
    (tmp_path / "a.mp3").write_bytes(content)
    speech, warnings = read(tmp_path / "a.mp3")
    assert len(speech) > 62000 and abs(strongest_hz(speech[1000:]) - 440) < 1 and warnings.keys() == {DAMAGED}


@pytest.mark.parametrize(("name", "codec"), [("a.mp3", "libmp3lame"), ("a.aac", "aac")])
def test_parts_of_different_sample_rates_are_resampled_separately(tmp_path, name, codec):
    pieces = [
        encode_sound(tmp_path / f"{rate_hz}-{name}", tone(rate_hz, 2, hz), codec, rate_hz).read_bytes()
        for rate_hz, hz in ((44100, 440), (22050, 880), (32000, 660))
    ]
    (tmp_path / name).write_bytes(b"".join(pieces))
    speech, warnings = read(tmp_path / name)
    assert len(speech) == pytest.approx(6 * 16000, rel=0.05) and warnings[CHANGES] == "3 formats"
    for second, hz in ((1, 440), (3, 880), (5, 660)):
        around = speech[round((second - 0.3) * 16000) : round((second + 0.3) * 16000)]
        assert strongest_hz(around) == pytest.approx(hz, abs=3)


def test_a_change_of_channels(tmp_path):
    mono, loud = tone(44100, 2), tone(44100, 2, 880)
    first = encode_sound(tmp_path / "1.aac", mono, "aac", 44100).read_bytes()
    second = encode_sound(tmp_path / "2.aac", np.stack([loud, loud], axis=1), "aac", 44100).read_bytes()
    (tmp_path / "a.aac").write_bytes(first + second)
    speech, warnings = read(tmp_path / "a.aac")
    assert len(speech) == pytest.approx(4 * 16000, rel=0.05) and warnings == {CHANGES: "2 formats"}
    assert strongest_hz(speech[8000:24000]) == pytest.approx(440, abs=3)
    assert strongest_hz(speech[40000:56000]) == pytest.approx(880, abs=3)


@pytest.mark.parametrize(("name", "codec"), [("a.ts", "aac"), ("a.ogg", "libopus")])
def test_concatenated_recordings_are_appended(tmp_path, name, codec):
    """Each recording restarts its time stamps, so that the second seems to repeat the first."""
    paths = [encode_sound(tmp_path / f"{hz}-{name}", tone(48000, 2, hz), codec, 48000) for hz in (440, 880)]
    pieces = [path.read_bytes() for path in paths]
    (tmp_path / name).write_bytes(b"".join(pieces))
    speech, _ = read(tmp_path / name)
    assert len(speech) == pytest.approx(4 * 16000, rel=0.05)
    assert strongest_hz(speech[8000:24000]) == pytest.approx(440, abs=3)
    assert strongest_hz(speech[40000:56000]) == pytest.approx(880, abs=3)


@pytest.mark.parametrize(("name", "codec"), [("a.flac", "flac"), ("a.mka", "aac")])
def test_a_truncated_file_is_used_with_a_warning(tmp_path, name, codec):
    content = encode_sound(tmp_path / name, tone(44100, 4), codec, 44100).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    speech, warnings = read(tmp_path / name)
    missing = float(warnings["is shorter than its stored duration"].split()[0])
    assert 1.5 < missing < 2.5 and len(speech) / 16000 + missing == pytest.approx(4, abs=0.1)


def test_without_a_receiver_faults_are_python_warnings(tmp_path):
    path = write_riff(tmp_path / "a.wav", TONE, length=100)
    with pytest.warns(UserWarning, match=r"a\.wav: has a wrong length in its header"):
        read_speech(path, 16000)


def test_an_intact_file_of_the_standard_library_warns_of_nothing(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(TONE.tobytes())
    assert read(tmp_path / "a.wav")[1] == {}
