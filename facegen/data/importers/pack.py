"""Packing of a source of clips into a corpus; bad rows are skipped and recorded with their reasons."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from facegen import __version__
from facegen.core.disk_faults import explain_disk_fault
from facegen.core.errors import DataError
from facegen.core.files import write_file
from facegen.core.progress import Observer
from facegen.core.text.names import differ_in_case
from facegen.data.corpus.header import CorpusHeader, Provenance
from facegen.data.corpus.writer import CorpusWriter
from facegen.data.importers.clip_files import ImportSettings
from facegen.data.importers.clip_requests import FileWarning, Reject, count_reasons
from facegen.data.importers.import_source import ImportSource
from facegen.data.importers.importer import Duplicate, Importer
from facegen.data.importers.table import read_pairs
from facegen.data.media.face_crops import FACE_MARGIN, NewDetector

REJECTS = "rejects.csv"
DUPLICATES = "duplicates.csv"
WARNINGS = "warnings.csv"
ATTRIBUTE_CLASSES = {"sex": 2}
IMAGE_PIXELS = 128
SAMPLE_RATE_HZ = 16000


@dataclass(frozen=True)
class PackReport:
    """Result of an import.

    Attributes:
        folder: the corpus; it also holds rejects.csv, duplicates.csv and warnings.csv.
        header: header of the corpus.
        num_rows: number of rows of the source.
        rejects: skipped rows.
        duplicates: rows with the same content as an earlier row.
        warnings: faults of files that were used nevertheless.
        ignored_columns: columns of the table without a meaning here.
    """

    folder: Path
    header: CorpusHeader
    num_rows: int
    rejects: Sequence[Reject]
    duplicates: Sequence[Duplicate]
    warnings: Sequence[FileWarning]
    ignored_columns: Sequence[str]

    @property
    def reasons(self) -> dict[str, int]:
        """Numbers of skipped rows by reason, the most frequent first."""
        return count_reasons(self.rejects)

    @property
    def warning_reasons(self) -> dict[str, int]:
        """Numbers of used files by fault, the most frequent first."""
        return count_reasons(self.warnings)


def pack_pairs(
    csv_path: Path,
    out: Path,
    *,
    image_pixels: int = IMAGE_PIXELS,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
    detect: NewDetector | None = None,
    margin: float = FACE_MARGIN,
    overwrite: bool = False,
    observer: Observer | None = None,
) -> PackReport:
    """Pack a CSV table with the columns of `table.read_pairs`; paths are relative to the table.

    Arguments and errors are those of `pack`.
    """
    return pack(
        ImportSource("pairs", csv_path.name, str(csv_path), read_pairs(csv_path)),
        out,
        image_pixels=image_pixels,
        sample_rate_hz=sample_rate_hz,
        detect=detect,
        margin=margin,
        overwrite=overwrite,
        observer=observer,
    )


def pack(
    source: ImportSource,
    out: Path,
    *,
    image_pixels: int | None = None,
    sample_rate_hz: int | None = None,
    detect: NewDetector | None = None,
    margin: float = FACE_MARGIN,
    overwrite: bool = False,
    observer: Observer | None = None,
) -> PackReport:
    """Pack a source into a corpus.

    Args:
        source: result of `import_source.read_source`.
        out: folder of the corpus.
        image_pixels, sample_rate_hz: as in `ImportSettings`; by default those of an exported corpus, else 128 and
            16000.
        detect, margin: as in `ImportSettings`.
        overwrite: replace an existing corpus.
        observer: receives the progress.
    Raises:
        DataError: no row can be used, or the folder holds a corpus already or cannot be written.
    """
    requests = source.requests
    settings = ImportSettings(
        image_pixels or requests.image_pixels or IMAGE_PIXELS,
        sample_rate_hz or requests.sample_rate_hz or SAMPLE_RATE_HZ,
        detect,
        margin,
    )
    writer = CorpusWriter(
        out,
        image_pixels=settings.image_pixels,
        sample_rate_hz=settings.sample_rate_hz,
        attribute_classes=ATTRIBUTE_CLASSES,
        provenance=Provenance(
            importer=source.importer,
            source=source.name,
            facegen=__version__,
            settings={**vars(settings), "detect": detect is not None},
        ),
        overwrite=overwrite,
    )
    observer = observer or Observer()
    importer = Importer(writer, settings, observer, list(requests.rejects))
    try:
        with writer:
            importer.run(requests.clips, requests.num_rows)
            if not writer.num_clips:
                raise DataError(*_no_usable_rows(source.place, importer.rejects))
            rejects, warnings = _write_tables(writer.staging, importer)
            header = writer.finish()
    except OSError as error:
        raise DataError(explain_disk_fault(error, str(out))) from None
    _warn_of_names(header, observer)
    return PackReport(out, header, requests.num_rows, rejects, importer.duplicates, warnings, requests.ignored_columns)


def _write_tables(folder: Path, importer: Importer) -> tuple[list[Reject], list[FileWarning]]:
    """Write the tables beside a corpus; return rejects and warnings in the order of the source."""
    rejects = sorted(importer.rejects, key=lambda reject: reject.line)
    warnings = sorted(importer.warnings, key=lambda warning: warning.line)
    _write_table(folder / REJECTS, Reject, rejects)
    _write_table(folder / DUPLICATES, Duplicate, importer.duplicates)
    _write_table(folder / WARNINGS, FileWarning, warnings)
    return rejects, warnings


def _warn_of_names(header: CorpusHeader, observer: Observer) -> None:
    for names in differ_in_case(header.identities):
        people = " and ".join(f"'{name}'" for name in names)
        observer.warn(
            f"{people} differ only in upper and lower case, and count as {len(names)} people; use one name per person"
        )


def _no_usable_rows(source: str, rejects: Sequence[Reject]) -> list[str]:
    if not rejects:
        return [f"{source}: has no rows; add a row for each face"]
    reasons = ", ".join(f"{count} {reason}" for reason, count in count_reasons(rejects).items())
    first = rejects[0]
    return [
        f"{source}: none of {len(rejects)} rows can be used: {reasons}",
        f"for example line {first.line}: {first.detail}",
    ]


def _write_table(
    path: Path, row_type: type, rows: Sequence[Reject] | Sequence[Duplicate] | Sequence[FileWarning]
) -> None:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, [column.name for column in fields(row_type)])
    table.writeheader()
    table.writerows(vars(row) for row in rows)
    write_file(path, text.getvalue().encode("utf-8", "backslashreplace"))
