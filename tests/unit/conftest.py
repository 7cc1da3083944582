"""Fixtures of corpora."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from corpus_files import draw_face, make_speech, write_csv, write_png, write_wav


@pytest.fixture
def pairs(tmp_path: Path) -> Callable[..., Path]:
    """Writes a table of `num` good rows with their files; each may be given further cells."""

    def write(num: int = 6, people: int = 3, cells: dict[int, dict[str, str]] | None = None, **columns: str) -> Path:
        rows = []
        for row in range(num):
            write_png(tmp_path / "faces" / f"{row}.png", draw_face(row))
            write_wav(tmp_path / "speech" / f"{row}.wav", make_speech(row, 1600 + row))
            files = {"face": f"faces/{row}.png", "speech": f"speech/{row}.wav"}
            rows.append({"identity": f"person {row % people}", **files, **columns, **((cells or {}).get(row, {}))})
        return write_csv(tmp_path / "pairs.csv", rows)

    return write


@pytest.fixture
def no_syncing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for the disk: in tests no power fails."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
