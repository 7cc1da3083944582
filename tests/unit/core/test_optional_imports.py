"""The optional imports work on every installation, and are used for real here."""

import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from facegen.core import optional_imports


def test_mel_spectrogram_of_a_tone_peaks_at_its_frequency():
    rate_hz, tone_hz = 16000, 1000.0
    transform = optional_imports.torchaudio().transforms.MelSpectrogram(
        sample_rate=rate_hz, n_fft=512, hop_length=128, n_mels=40
    )
    time = torch.arange(rate_hz) / rate_hz
    mel = transform(torch.sin(2 * torch.pi * tone_hz * time))
    assert mel.shape == (40, 126)
    # Centres of 40 bands that are equally wide in mel (HTK) between 0 and 8000 Hz.
    edges = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 42)
    centres_hz = 700 * (10 ** (edges[1:-1] / 2595) - 1)
    assert mel.mean(dim=1).argmax().item() == np.abs(centres_hz - tone_hz).argmin()


def test_resampling_keeps_a_tone():
    resampled = optional_imports.torchaudio().functional.resample(
        torch.sin(2 * torch.pi * 440 * torch.arange(48000) / 48000), 48000, 16000
    )
    expected = torch.sin(2 * torch.pi * 440 * torch.arange(16000) / 16000)
    assert (resampled - expected)[200:-200].abs().max() < 1e-3


def test_torch_fidelity_measures_through_its_own_functions():
    fidelity = optional_imports.torch_fidelity()
    assert fidelity.__name__ == "torch_fidelity" and callable(fidelity.calculate_metrics)
    compute = sys.modules["torch_fidelity.metric_fid"].fid_statistics_to_metric
    near = {"mu": np.zeros(3), "sigma": np.eye(3)}
    far = {"mu": np.array([3.0, 0, 0]), "sigma": 4 * np.eye(3)}
    result = compute(near, far, False)
    # |difference of means|^2 + tr(1 + 4 - 2 * 2) for each of three axes
    assert result["frechet_inception_distance"] == pytest.approx(9 + 3)


def test_imports_raise_no_warning():
    program = (
        "from facegen.core import optional_imports as c\n"
        "print(c.torchaudio().__name__, c.torchvision().__name__, c.torch_fidelity().__name__)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (["torchaudio", "torchvision", "torch_fidelity"], "")


def test_a_proper_installation_is_left_as_it_is(monkeypatch):
    optional_imports.torchvision()  # cached now, so that the pretended one below is not
    proper = {name: ModuleType(name) for name in ("torchaudio", "torchvision", "torch_fidelity")}
    for name, module in proper.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "torchaudio._extension", raising=False)
    monkeypatch.setattr(optional_imports, "_LIBRARIES", [])
    for name, module in proper.items():
        assert getattr(optional_imports, name).__wrapped__() is module
    assert "torchaudio._extension" not in sys.modules and optional_imports._LIBRARIES == []


def test_a_missing_package_is_not_stood_in_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchaudio", None)  # how Python marks what must not be imported
    with pytest.raises(ImportError):
        optional_imports.torchaudio.__wrapped__()
