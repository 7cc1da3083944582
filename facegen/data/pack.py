"""Importers: from files of somebody's own to a packed corpus. A bad row is left out with its reason, never silently."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from facegen import __version__
from facegen.core.errors import DataError
from facegen.core.observer import Observer
from facegen.data.clip_files import ImportSettings
from facegen.data.clip_requests import Reject, count_reasons
from facegen.data.corpus_writer import CorpusWriter
from facegen.data.faces import FACE_MARGIN
from facegen.data.importing import Duplicate, Importing
from facegen.data.manifest import Manifest, Provenance
from facegen.data.pairs_csv import read_pairs

REJECTS = "rejects.csv"
DUPLICATES = "duplicates.csv"
ATTRIBUTE_CLASSES = {"sex": 2}


@dataclass(frozen=True)
class PackReport:
    """What became of an import.

    Attributes:
        folder: the corpus; rejects.csv and duplicates.csv stand in it, too.
        manifest: what it holds.
        num_rows: how many rows there were.
        rejects: those that were left out.
        duplicates: rows with the same content as an earlier one.
        ignored_columns: columns of the table that have no meaning here.
    """

    folder: Path
    manifest: Manifest
    num_rows: int
    rejects: Sequence[Reject]
    duplicates: Sequence[Duplicate]
    ignored_columns: Sequence[str]

    @property
    def reasons(self) -> dict[str, int]:
        """{reason: rows that were left out for it}, the most frequent first."""
        return count_reasons(self.rejects)


def pack_pairs(
    csv_path: Path, out: Path, *, image_pixels: int = 128, sample_rate_hz: int = 16000, detect: bool = False,
    margin: float = FACE_MARGIN, overwrite: bool = False, observer: Observer | None = None,
) -> PackReport:
    """Pack the rows of a CSV table; its columns are those of `pairs_csv.read_pairs`, paths are relative to it.

    Args:
        csv_path: the table.
        out: folder of the corpus.
        image_pixels, sample_rate_hz, detect, margin: as in `ImportSettings`.
        overwrite: replace a corpus that is there already.
        observer: told how far it is.
    Raises:
        DataError: the table cannot be read, nothing in it can be used, or the folder holds something already.
    """
    table = read_pairs(csv_path)
    settings = ImportSettings(image_pixels, sample_rate_hz, detect, margin)
    provenance = Provenance(importer="pairs", source=csv_path.name, facegen=__version__, settings=vars(settings))
    with CorpusWriter(
        out,
        image_pixels=image_pixels,
        sample_rate_hz=sample_rate_hz,
        attribute_classes=ATTRIBUTE_CLASSES,
        provenance=provenance,
        overwrite=overwrite,
    ) as writer:
        importing = Importing(writer, settings, observer or Observer(), list(table.rejects))
        importing.run(table.clips, table.num_rows)
        if not writer.num_clips:
            raise DataError(*_nothing_left(csv_path, importing.rejects))
        rejects = sorted(importing.rejects, key=lambda reject: reject.line)
        _write_table(writer.staging / REJECTS, Reject, rejects)
        _write_table(writer.staging / DUPLICATES, Duplicate, importing.duplicates)
        manifest = writer.finish()
    return PackReport(out, manifest, table.num_rows, rejects, importing.duplicates, table.ignored_columns)


def _nothing_left(source: Path, rejects: Sequence[Reject]) -> list[str]:
    if not rejects:
        return [f"{source}: has no rows; add a line for each face"]
    reasons = ", ".join(f"{count} {reason}" for reason, count in count_reasons(rejects).items())
    first = rejects[0]
    return [
        f"{source}: none of {len(rejects)} rows can be used: {reasons}",
        f"for example line {first.line}: {first.detail}",
    ]


def _write_table(path: Path, row_type: type, rows: Sequence[Reject] | Sequence[Duplicate]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [column.name for column in fields(row_type)])
        table.writeheader()
        table.writerows(vars(row) for row in rows)
