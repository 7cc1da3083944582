"""Recording of synthetic speech: room, background noise, microphone and codec, which belong to the clip."""

import math

import torch
from torch import Tensor

from facegen.data.synthetic.counter import uniform

HIGHEST_HZ = 8000.0
_NARROWEST_HZ = 3400.0  # telephone
_LONGEST_RESPONSE_SECONDS = 0.4
_RIPPLES, _RIPPLE_DECIBELS = 3, 3.0
RECORDING_RANGES: dict[str, tuple[float, float]] = {
    "reverberation_seconds": (0.1, 0.7),
    "reverberation_decibels": (-15.0, 5.0),
    "noise_decibels": (-50.0, -12.0),
    "noise_slope": (-1.0, 0.0),
    "microphone_tilt": (-1.5, 1.5),
    "lowest_hz": (30.0, 160.0),
    "bandwidth_hz": (_NARROWEST_HZ, HIGHEST_HZ),
    "codec_decibels": (-65.0, -22.0),
}
"""{nuisance factor of a clip: range}

reverberation_seconds: time in which the reverberation falls by 60 dB. reverberation_decibels, noise_decibels,
codec_decibels: levels of reverberation, background noise and coding noise below the direct speech. noise_slope:
exponent of frequency in the amplitude of the noise. microphone_tilt: in dB per octave. lowest_hz, bandwidth_hz: limits
of the transmitted band.
"""


def draw_recordings(seed: int, clip: Tensor) -> dict[str, Tensor]:
    """Draw the nuisance factors of the recordings of clips: {factor: (batch,) float32}, uniform in their ranges.

    Four in five clips have the whole band up to 8 kHz.
    """
    shares = uniform(seed, "recording", clip, len(RECORDING_RANGES))
    drawn = {
        name: low + (high - low) * share
        for (name, (low, high)), share in zip(RECORDING_RANGES.items(), shares.unbind(1), strict=True)
    }
    low, high = RECORDING_RANGES["bandwidth_hz"]
    return drawn | {"bandwidth_hz": (low + 5.0 * (drawn["bandwidth_hz"] - low)).clamp_max(high)}


def record(seed: int, clip: Tensor, speech: Tensor, sample_rate_hz: int) -> Tensor:
    """Record speech, (batch, samples), by a microphone in a room, and code it; without sound above 8 kHz.

    The reverberation is noise that decays exponentially (Polack 1988). The codec adds noise in proportion to the
    momentary amplitude, as the modulated noise reference unit of ITU-T P.810 does.
    """
    recording = {name: value[:, None] for name, value in draw_recordings(seed, clip).items()}
    samples = speech.shape[1]
    response = _room_response(seed, clip, recording, sample_rate_hz)
    length = _fast_length(samples + response.shape[1])
    hz = torch.fft.rfftfreq(length, 1 / sample_rate_hz, device=speech.device)
    power = speech.square().mean(1, keepdim=True)
    white = (uniform(seed, "noise.room", clip, samples) - 0.5) * math.sqrt(12)
    noise = torch.fft.rfft(white, length) * _noise_gain(hz, recording) * (sample_rate_hz / 16000) ** 0.5
    direct = torch.fft.rfft(speech, length) * torch.fft.rfft(response, length)
    heard = (direct + noise * power.sqrt()) * _microphone(seed, clip, hz, recording)
    heard = torch.fft.irfft(heard, length)[:, :samples]
    coded = heard * (1 + white.roll(samples // 2, 1) * 10 ** (recording["codec_decibels"] / 20))
    band = (1 + (hz / recording["bandwidth_hz"]).pow(24)).rsqrt() * (hz <= HIGHEST_HZ)
    return torch.fft.irfft(torch.fft.rfft(coded, length) * band, length)[:, :samples]


def _fast_length(samples: int) -> int:
    """Return the smallest length, at least `samples`, whose Fourier transform is fast: 2^a, 3 2^a or 5 2^a."""
    return min(odd << max(0, math.ceil(math.log2(samples / odd))) for odd in (1, 3, 5))


def _room_response(seed: int, clip: Tensor, recording: dict[str, Tensor], sample_rate_hz: int) -> Tensor:
    """Generate impulse responses, (batch, samples): the direct sound, and a decaying noise of the given level."""
    samples = round(_LONGEST_RESPONSE_SECONDS * sample_rate_hz)
    seconds = torch.arange(samples, device=clip.device) / sample_rate_hz
    tail = uniform(seed, "room", clip, samples) - 0.5
    tail = tail * torch.exp(-math.log(1000.0) * seconds / recording["reverberation_seconds"])
    level = 10 ** (recording["reverberation_decibels"] / 20)
    response = tail * level / tail.square().sum(1, keepdim=True).sqrt()
    response[:, 0] = 1.0
    return response


def _noise_gain(hz: Tensor, recording: dict[str, Tensor]) -> Tensor:
    """Compute the gain of background noise, (batch, bins), relative to the power of the speech."""
    colour = ((hz.clamp_min(50.0) / 1000.0).log() * recording["noise_slope"]).exp() * (hz <= HIGHEST_HZ)
    colour = colour / colour.square().sum(1, keepdim=True).div((hz <= HIGHEST_HZ).sum()).sqrt()
    return colour * 10 ** (recording["noise_decibels"] / 20)


def _microphone(seed: int, clip: Tensor, hz: Tensor, recording: dict[str, Tensor]) -> Tensor:
    """Compute the gain of the microphone, (batch, bins): a tilt, a high-pass, and ripples that grow with frequency.

    The ripples are about as fine as the formants and differ between clips, so that the speaker shows in the changes of
    the spectrum, and hardly in its mean.
    """
    decibels = recording["microphone_tilt"] * torch.log2(hz.clamp_min(50.0) / 1000.0)
    depth_decibels = _RIPPLE_DECIBELS * hz / (hz + 2000.0)
    draws = uniform(seed, "microphone", clip, 3 * _RIPPLES)
    for depth, fineness, place in draws.T.reshape(_RIPPLES, 3, -1, 1):
        milliseconds = 0.3 + 0.9 * fineness
        ripple = torch.cos(2 * math.pi * (hz / 1000.0 * milliseconds + place))
        decibels = decibels + depth * depth_decibels * ripple
    rumble = (hz / recording["lowest_hz"]).square()
    return 10 ** (decibels / 20) * rumble / (1 + rumble)
