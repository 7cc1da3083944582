"""Encoders of spectrograms: sizes by formula, and output lengths."""

import itertools

import pytest
import torch
from torch.nn import functional

from facegen.parts.layers.lengths import shortest, size_left
from facegen.parts.layers.segan_blocks import SeganBlock, segan_blocks
from facegen.parts.layers.spectrum_encoders import CHANNELS, SpectrumEncoder, encoder_problems

DESIGNS = tuple(CHANNELS)
SMALL = {"segan": (3, 4), "cnn": (3, 4), "voice2face": (3, 4), "speech2face": (2,) * 9}


def num_weights(module):
    return sum(weight.numel() for weight in module.parameters())


def expected_weights(channels, taps, biases=0):
    """Count weights of convolutions, biases, and gains and offsets of batch norm."""
    return sum(a * b * taps for a, b in itertools.pairwise(channels)) + (2 + biases) * sum(channels[1:])


@pytest.mark.parametrize(
    ("design", "size", "frames", "expected"),
    [
        ("segan", (1, 64), 501, (1024, 7, expected_weights((64, 64, 128, 256, 512, 1024, 1024), 15))),
        ("cnn", (1, 64), 501, (512 * 4, 32, expected_weights((1, 64, 128, 256, 512), 9))),
        ("voice2face", (1, 64), 501, (864, 32, expected_weights((64, 256, 384, 576, 864), 3))),
        # 598 frames: 595, 592, 589 / 2 = 294, 291 / 2, 142 / 2, 68 / 2 = 34, 31, (31 - 4) // 2 + 1 = 14, 6
        (
            "speech2face",
            (2, 257),
            598,
            (512 * 57, 6, expected_weights((2, 64, 64, 128, 128, 128, 256, 512, 512, 512), 16, biases=1)),
        ),
    ],
)
def test_sizes_of_the_papers(design, size, frames, expected):
    with torch.device("meta"):
        encoder = SpectrumEncoder(design, *size)
        features, steps, weights = expected
        assert encoder(torch.zeros(2, *size, frames)).shape == (2, features, steps)
    assert (encoder.features, num_weights(encoder)) == (features, weights)


def normed(hidden, norm):
    return functional.batch_norm(hidden, None, None, norm.weight, norm.bias, training=True)


def along_time(hidden, block, stride, padding):
    """Build a convolution that reads all rows as channels."""
    kernel = block.conv.weight[:, :, 0]
    return functional.conv1d(functional.pad(hidden[:, :, 0], padding), kernel, stride=stride)[:, :, None]


def by_segan(hidden, block, number):
    return functional.leaky_relu(normed(along_time(hidden, block, 3, (1, 2)), block.norm), 0.3)


def by_cnn(hidden, block, number):
    return functional.leaky_relu(normed(functional.conv2d(hidden, block.conv.weight, None, 2, 1), block.norm), 0.2)


def by_voice2face(hidden, block, number):
    return normed(along_time(hidden, block, 2, (1, 1)), block.norm).relu()


def by_speech2face(hidden, block, number):
    stride = 2 if number in (7, 8) else 1
    hidden = normed(functional.conv2d(hidden, block.conv.weight, block.conv.bias, stride).relu(), block.norm)
    return functional.max_pool2d(hidden, (1, 2)) if number in (2, 3, 4, 5) else hidden


@pytest.mark.parametrize(
    ("design", "formula"),
    [("segan", by_segan), ("cnn", by_cnn), ("voice2face", by_voice2face), ("speech2face", by_speech2face)],
)
def test_blocks_are_those_of_the_papers(design, formula):
    torch.manual_seed(0)
    encoder = SpectrumEncoder(design, 2, 35, SMALL[design], kernel=5, stride=3).double()
    for weight in encoder.parameters():
        torch.nn.init.normal_(weight)
    spectrum = torch.randn(2, 2, 35, shortest(encoder.blocks) + 200, dtype=torch.float64)
    hidden = spectrum.reshape(2, 70, 1, -1) if encoder.bins_are_channels else spectrum
    for number, block in enumerate(encoder.blocks):
        hidden = formula(hidden, block, number)
    expected = hidden.reshape(2, encoder.features, -1)
    assert expected.shape[2] > 1
    torch.testing.assert_close(encoder(spectrum), expected)


@pytest.mark.parametrize("design", DESIGNS)
def test_remaining_frames_equal_the_output_length(design):
    torch.manual_seed(0)
    encoder = SpectrumEncoder(design, 2, 35, SMALL[design], kernel=5, stride=3).eval()
    fewest = shortest(encoder.blocks)
    bins = 1 if encoder.bins_are_channels else 35
    for frames in (fewest, fewest + 1, fewest + 2, fewest + 37):
        rows, steps = size_left(encoder.blocks, bins, frames)
        assert encoder(torch.randn(2, 2, 35, frames)).shape == (2, SMALL[design][-1] * rows, steps)
    assert size_left(encoder.blocks, bins, fewest - 1)[1] < 1


@pytest.mark.parametrize("design", ["segan", "speech2face"])
def test_frames_below_the_minimum_fail(design):
    encoder = SpectrumEncoder(design, 1, 35, SMALL[design]).eval()
    with pytest.raises(RuntimeError):
        encoder(torch.randn(2, 1, 35, shortest(encoder.blocks) - 1))


@pytest.mark.parametrize("kernel", [2, 4, 15, 31])
def test_a_segan_block_is_padded_as_the_formula_says(kernel):
    block = SeganBlock(1, 1, kernel, 4).eval()
    torch.nn.init.ones_(block.conv.weight)
    impulse = torch.zeros(1, 1, 1, 64)
    impulse[..., 20] = 1
    seen = block.conv(torch.nn.functional.pad(impulse, (*block.pad, 0, 0)))[0, 0, 0]
    front = (kernel - 2) // 2  # 6 of 15, and 7 behind
    expected = [float(0 <= 20 - (4 * step - front) < kernel) for step in range((64 - 2) // 4 + 1)]
    assert seen.tolist() == expected


def test_lengths_of_the_thesis():
    blocks = segan_blocks(1, (64, 128, 256, 512, 1024, 1024), 15, 4)
    lengths = [size_left(blocks[:number], 1, 64000)[1] for number in range(1, 7)]
    assert lengths == [16000, 4000, 1000, 250, 63, 16]
    assert size_left(blocks, 1, 16000)[1] == 4 and size_left(blocks, 1, 96000)[1] == 24
    assert shortest(blocks) == 1366


def test_bad_encoder_settings_are_refused():
    assert encoder_problems("segan", 1, ()) == [] and encoder_problems("speech2face", 31, (2,) * 9) == []
    channels, bins = encoder_problems("speech2face", 30, (1, 2))
    assert channels == "channels has 2 numbers; encoder = 'speech2face' has nine convolutions"
    assert "30 bins is too small" in bins and "needs 31: raise num_mels" in bins
    assert SpectrumEncoder("speech2face", 1, 31, (2,) * 9).features == 2
    assert SpectrumEncoder("speech2face", 1, 30, (2,) * 9).features == 0
