import av
import numpy as np
import pytest
from videos import read_time, tone

from facegen.data.media.audio_track import AudioTrack

RATE_HZ = 16000


def piece(samples, rate_hz=RATE_HZ, layout="mono", kind="s16"):
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), kind, layout)
    frame.sample_rate = rate_hz
    return frame


def decode(whole, starts, length=1600, shift=0.0):
    sound = AudioTrack(RATE_HZ)
    for start in starts:
        sound.add(piece(whole[start : start + length]), start / RATE_HZ + shift)
    sound.finish()
    return sound


def test_pieces_become_one_track():
    whole = tone(0, 2, RATE_HZ)
    sound = decode(whole, range(0, 32000, 1600), shift=0.25)
    assert (len(sound), sound.start_seconds, sound.end_seconds, sound.complete) == (32000, 0.25, 2.25, True)
    assert np.array_equal(sound.between(0, 9), whole)
    assert np.array_equal(sound.between(0.75, 1.0), whole[8000:12000])


def test_repeated_audio_is_kept_once():
    whole = tone(0, 2, RATE_HZ)
    assert np.array_equal(decode(whole, [*range(0, 16000, 1600), *range(8000, 32000, 1600)]).between(0, 2), whole)


def test_missing_audio_becomes_silence():
    whole = tone(0, 2, RATE_HZ)
    holed = decode(whole, [*range(0, 16000, 1600), *range(24000, 32000, 1600)]).between(0, 2)
    whole[16000:24000] = 0
    assert np.array_equal(holed, whole)


def test_rounded_time_stamps_are_no_gaps():
    whole, sound = tone(0, 2, RATE_HZ), AudioTrack(RATE_HZ)
    for number, start in enumerate(range(0, 32000, 1600)):
        sound.add(piece(whole[start : start + 1600]), start / RATE_HZ + (number % 3 - 1) * 0.009)
    sound.finish()
    assert np.array_equal(sound.between(-1, 9), whole)


def test_pieces_without_a_time_follow_each_other():
    whole, sound = tone(0, 1, RATE_HZ), AudioTrack(RATE_HZ)
    for start in range(0, 16000, 1600):
        sound.add(piece(whole[start : start + 1600]), None)
    sound.finish()
    assert sound.start_seconds == 0 and np.array_equal(sound.between(0, 1), whole)


def test_the_format_may_change():
    sound = AudioTrack(RATE_HZ)
    stereo = np.stack([tone(0, 1, 44100)] * 2, 1)
    sound.add(piece(stereo, 44100, "stereo"), 0.0)
    sound.add(piece(tone(1, 1, 8000), 8000), 1.0)
    sound.finish()
    assert abs(len(sound) - 32000) <= 2
    for moment in (0.3, 0.7, 1.3, 1.7):
        assert read_time(sound.between(moment - 0.1, moment + 0.1), RATE_HZ) == pytest.approx(moment, abs=0.003)


def test_an_empty_track():
    sound = AudioTrack(RATE_HZ)
    assert len(sound) == 0 and np.isnan(sound.end_seconds) and len(sound.between(0, 1)) == 0
