"""The contract of outside judges."""

import torch
from torch import Tensor

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Recogniser
from facegen.testing.expect import expect

ROWS = 3
SPEECH_SECONDS = 2


def check_recogniser(recogniser: Recogniser, data: DataSpec) -> None:
    """It judges faces, speech or both, a row on its own, and has a stable fingerprint."""
    embeds = recogniser.embeds
    known = bool(embeds) and embeds <= {"faces", "speech"}
    expect(known, f"embeds {sorted(embeds)}: must name 'faces', 'speech', or both")
    fingerprint = recogniser.fingerprint()
    expect(bool(fingerprint) and fingerprint == recogniser.fingerprint(), "has no stable fingerprint")
    random = torch.Generator().manual_seed(0)
    if "faces" in embeds:
        size = (ROWS, data.image_pixels, data.image_pixels, 3)
        faces = torch.randint(0, 256, size, dtype=torch.uint8, generator=random)
        _check_rows("embed_faces", recogniser.embed_faces(faces), recogniser.embed_faces(faces[:1]))
    if "speech" in embeds:
        rate = data.sample_rate_hz
        noise = torch.randn(ROWS, SPEECH_SECONDS * rate, generator=random) * 3000
        speech = noise.clamp(-32768, 32767).to(torch.int16)
        _check_rows("embed_speech", recogniser.embed_speech(speech, rate), recogniser.embed_speech(speech[:1], rate))


def _check_rows(what: str, found: Tensor, alone: Tensor) -> None:
    expect(found.is_floating_point(), f"{what} gives {found.dtype}, no float")
    expect(found.ndim == 2 and len(found) == ROWS, f"{what} gives {tuple(found.shape)} for {ROWS} rows")
    whole = found.isfinite().all(1) | found.isnan().all(1)
    expect(bool(whole.all()), f"{what} gives rows that are neither finite nor NaN throughout")
    same = alone.shape == found[:1].shape and torch.allclose(alone, found[:1], atol=1e-4, equal_nan=True)
    expect(same, f"{what} answers a row differently when others stand beside it")
