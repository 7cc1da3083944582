import numpy as np
import pytest
import torch
from speech_analysis import measure_f0, measure_formants

from facegen.data.synthetic.people import draw_people
from facegen.data.synthetic.voice import Voice, articulate, speak
from facegen.data.synthetic.voice_parameters import voice_parameters

RATE_HZ = 16000


def people_of(rows: torch.Tensor) -> dict[str, torch.Tensor]:
    return draw_people(11, rows)


def twins(count: int, **factors: float) -> dict[str, torch.Tensor]:
    """Make copies of an average person, with the given factors changed."""
    average = {name: torch.zeros(count) for name in people_of(torch.arange(1))} | {"age": torch.full((count,), 40.0)}
    return average | {name: torch.full((count,), value) for name, value in factors.items()}


def monotonous(rows: torch.Tensor) -> dict[str, torch.Tensor]:
    """Draw people who hardly move their pitch, as trackers take it to be constant within their window."""
    people = people_of(rows)
    return people | {"intonation": torch.zeros_like(people["intonation"])}


def steady_frames(voice: Voice, row: int) -> np.ndarray:
    """Select steady vowel frames that are far enough from both ends to be measured."""
    frames = np.flatnonzero(voice.vowel[row].numpy())
    places = frames * voice.frame_samples
    margin = 0.035 * RATE_HZ
    return frames[(places > margin) & (places < voice.samples.shape[1] - margin)]


def test_measured_pitch_and_formants_are_the_known_ones():
    # The harmonics of a high voice are too far apart to show its first formant.
    rows = torch.arange(40)
    people = monotonous(rows)
    people["pitch_offset"].clamp_(max=0)
    voice = articulate(people, 11, rows, RATE_HZ)
    good = []
    for row in range(40):
        frames = steady_frames(voice, row)[::2]
        samples, centres = voice.samples[row].double().numpy(), frames * voice.frame_samples
        truth = np.column_stack((voice.f0_hz[row, frames], voice.formants_hz[row, frames]))
        formants = measure_formants(samples, RATE_HZ, centres)
        # The formants of a steady vowel are the medians over its frames.
        for vowel in np.split(np.arange(len(frames)), np.flatnonzero(np.diff(frames) > 2) + 1):
            formants[vowel] = np.median(formants[vowel], 0)
        measured = np.column_stack((measure_f0(samples, RATE_HZ, centres), formants))
        good.extend((np.abs(measured / truth - 1) < (0.03, 0.1, 0.1, 0.1)).all(1))
    assert len(good) > 500
    assert np.mean(good) > 0.95


def test_recording_keeps_the_pitch():
    rows = torch.arange(20)
    voice = speak(monotonous(rows), 11, rows, RATE_HZ)
    good = []
    for row in range(20):
        frames = steady_frames(voice, row)
        measured = measure_f0(voice.samples[row].double().numpy(), RATE_HZ, frames * voice.frame_samples)
        good.extend(np.abs(measured / voice.f0_hz[row, frames].numpy() - 1) < 0.03)
    assert len(good) > 500
    assert np.mean(good) > 0.9


def test_a_row_does_not_depend_on_the_others():
    rows = torch.arange(9)
    together = speak(people_of(rows), 11, rows, 8000)
    chosen = torch.tensor([7, 2])
    alone = speak(people_of(chosen), 11, chosen, 8000)
    torch.testing.assert_close(alone.samples, together.samples[chosen], atol=1e-6, rtol=0)
    torch.testing.assert_close(alone.formants_hz, together.formants_hz[chosen])
    assert torch.equal(alone.vowel, together.vowel[chosen])


def test_another_clip_of_a_person_has_other_words():
    voice = speak(twins(2), 11, torch.tensor([0, 1]), RATE_HZ)
    correlation = torch.corrcoef(voice.formants_hz[..., 1])[0, 1]
    assert abs(correlation) < 0.5
    assert not torch.equal(voice.samples[0], voice.samples[1])


@pytest.mark.parametrize("rate_hz", [8000, 11025, 22050, 44100, 48000])
def test_other_sample_rates_give_the_same_words(rate_hz):
    rows = torch.arange(3)
    voice, usual = speak(people_of(rows), 11, rows, rate_hz, rate_hz), speak(people_of(rows), 11, rows, RATE_HZ)
    assert voice.samples.shape == (3, rate_hz)
    assert voice.samples.isfinite().all() and voice.samples.abs().max() <= 1
    hertz = [
        np.interp(np.arange(0, 0.95, 0.01), np.arange(v.f0_hz.shape[1]) * v.frame_samples / rate, v.f0_hz[0].numpy())
        for v, rate in ((voice, rate_hz), (usual, RATE_HZ))
    ]
    # The edge of a syllable may fall into the next frame of 10 ms, in which the pitch moves by some percent.
    np.testing.assert_allclose(*hertz, rtol=0.03)
    np.testing.assert_allclose(*(np.median(h) for h in hertz), rtol=0.01)
    high = torch.fft.rfft(voice.samples).abs().square()[:, 8200:]
    assert high.sum() <= 1e-3 * torch.fft.rfft(voice.samples).abs().square().sum()


def test_long_and_short_clips_contain_speech():
    rows = torch.arange(2)
    long = speak(people_of(rows), 11, rows, 60 * 8000, 8000)
    assert long.samples.shape == (2, 480000)
    last_seconds = long.samples[:, -5 * 8000 :]
    assert (last_seconds.square().mean(1) > 0.3 * long.samples.square().mean(1)).all()
    assert (long.vowel[:, -1000:].float().mean(1) > 0.15).all()
    short = speak(people_of(rows), 11, rows, 4000, 8000)
    assert (short.vowel.sum(1) > 0).all()


def vowel_decibels(voice: Voice, low_hz: int, high_hz: int) -> torch.Tensor:
    """Measure the mean level of a band in the steady vowels of each row."""
    levels = []
    for row, samples in enumerate(voice.samples):
        spectra = [
            torch.fft.rfft(samples[c - 400 : c + 400]).abs() for c in steady_frames(voice, row) * voice.frame_samples
        ]
        levels.append(20 * torch.stack(spectra)[:, low_hz // 20 : high_hz // 20].log10().mean())
    return torch.stack(levels)


def test_tension_lifts_high_harmonics():
    clips = torch.arange(4)
    soft, pressed = (speak(twins(4, tension=t), 11, clips, RATE_HZ) for t in (-1.0, 1.0))
    balance = [vowel_decibels(v, 1500, 4000) - vowel_decibels(v, 100, 500) for v in (soft, pressed)]
    assert (balance[1] - balance[0] > 1).all() and (balance[1] - balance[0]).mean() > 3


def harmonic_share(voice: Voice, row: int) -> float:
    """Measure the autocorrelation at one period, 2 to 5 kHz: 1 for a perfectly regular voice, less for a rough one."""
    spectrum = np.fft.rfft(voice.samples[row].double().numpy())
    hz = np.fft.rfftfreq(voice.samples.shape[1], 1 / RATE_HZ)
    band = np.fft.irfft(np.where((hz > 2000) & (hz < 5000), spectrum, 0))
    shares = []
    for frame in steady_frames(voice, row)[::2]:
        centre, period = frame * voice.frame_samples, RATE_HZ / float(voice.f0_hz[row, frame])
        near = np.arange(centre - 160, centre + 160)
        lags = np.arange(round(period * 0.94), round(period * 1.06) + 1)
        shares.append(max(np.corrcoef(band[near], band[near + lag])[0, 1] for lag in lags))
    return float(np.median(shares))


@pytest.mark.parametrize(("factor", "low", "high"), [("fullness", -1.0, 1.0), ("age", 20.0, 78.0)])
def test_fullness_makes_a_voice_breathy_and_age_makes_it_rough(factor, low, high):
    clips = torch.arange(3)
    clear, noisy = (articulate(twins(3, **{factor: value}), 11, clips, RATE_HZ) for value in (low, high))
    for row in range(3):
        assert harmonic_share(noisy, row) < harmonic_share(clear, row) - 0.05


def test_size_lowers_all_formants_and_lips_only_the_upper_two():
    clips = torch.arange(2)
    usual = speak(twins(2), 11, clips, 8000).formants_hz
    large, full_lips = (speak(twins(2, **f), 11, clips, 8000).formants_hz for f in ({"size": 1.0}, {"lips": 1.0}))
    torch.testing.assert_close(large / usual, torch.full_like(usual, np.exp(-0.07)))
    torch.testing.assert_close(full_lips[..., 0], usual[..., 0])
    assert (full_lips[..., 1:] < 0.95 * usual[..., 1:]).all()


def test_pitch_follows_published_means_of_sex_and_age():
    count = 400
    people = people_of(torch.arange(count)) | {"age": torch.full((count,), 35.0)}
    hertz = voice_parameters(people).f0_hz
    for sex, mean_hz in ((0.0, 213.3), (1.0, 112.2)):
        semitones = 12 * (hertz[people["sex"] == sex] / mean_hz).log2()
        assert abs(semitones.median()) < 0.5 and 1.8 < semitones.std() < 2.8
    older = voice_parameters(people | {"age": torch.full((count,), 75.0)}).f0_hz / hertz
    torch.testing.assert_close(older[people["sex"] == 0], torch.full_like(older, 202.2 / 213.3)[people["sex"] == 0])
    torch.testing.assert_close(older[people["sex"] == 1], torch.full_like(older, 132.1 / 112.2)[people["sex"] == 1])


def test_median_of_the_spoken_pitch_is_that_of_the_person():
    rows = torch.arange(30)
    spoken = speak(people_of(rows), 11, rows, 10 * 8000, 8000).f0_hz.median(1).values
    body = voice_parameters(people_of(rows))
    # In ten seconds the median lies within the size of the speaker's movements.
    movements = 12 * (spoken / body.f0_hz).log2() / body.melody_semitones
    assert movements.abs().max() < 1.0 and movements.mean().abs() < 0.2


def octave_decibels(voice: Voice) -> list[float]:
    """Measure the spectral density of 1 to 2, 2 to 4 and 4 to 6 kHz relative to that of 0.1 to 1 kHz."""
    window = torch.hann_window(512)
    power = torch.stft(voice.samples, 512, 256, window=window, return_complex=True).abs().square().mean((0, 2))
    hz = torch.fft.rfftfreq(512, 1 / RATE_HZ)
    low, *others = (
        10 * power[(hz >= a) & (hz < b)].mean().log10().item()
        for a, b in ((100, 1000), (1000, 2000), (2000, 4000), (4000, 6000))
    )
    return [other - low for other in others]


def test_long_term_spectrum_is_that_of_published_speech():
    """Byrne et al. 1994, levels of third octaves as densities: -12, -20 and -27 dB."""
    rows = torch.arange(40)
    voice = articulate(people_of(rows), 11, rows, 3 * RATE_HZ)
    np.testing.assert_allclose(octave_decibels(voice), (-12, -20, -27), atol=4)
