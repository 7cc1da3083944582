"""Check of recognisers."""

import torch
from torch import Tensor

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Recogniser
from facegen.testing.expect import expect

ROWS = 3
SPEECH_SECONDS = 2


def check_recogniser(recogniser: Recogniser, data: DataSpec) -> None:
    """Check that it embeds faces, speech or both, row by row, and has a stable fingerprint."""
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


def _check_rows(what: str, embeddings: Tensor, alone: Tensor) -> None:
    expect(embeddings.is_floating_point(), f"{what} returns {embeddings.dtype}; must be floating-point")
    has_rows = embeddings.ndim == 2 and len(embeddings) == ROWS
    expect(has_rows, f"{what} returns the shape {tuple(embeddings.shape)} for {ROWS} rows")
    whole = embeddings.isfinite().all(1) | embeddings.isnan().all(1)
    expect(bool(whole.all()), f"{what} returns rows that are partly NaN or infinite")
    first = embeddings[:1]
    same = alone.shape == first.shape and torch.allclose(alone, first, atol=1e-4, equal_nan=True)
    expect(same, f"{what} returns another embedding for a row when other rows are present")
