"""Removal of a person, or of some faces, from a packed corpus; everything else stays unchanged."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from facegen.core.errors import DataError
from facegen.core.files import move, sync_folder, write_file
from facegen.core.progress import Observer
from facegen.core.readable_files import open_bytes
from facegen.core.text.names import known_spelling, normalise_name
from facegen.data.corpus.corpus_filter import select_clips, select_faces, write_selection
from facegen.data.corpus.file_swap import staging_folder, swap
from facegen.data.corpus.header import HEADER_FILE, CorpusHeader, read_header, stored_shards
from facegen.data.corpus.reader import Corpus

DERIVED = "derived"
"""Subfolder of data derived from a corpus, such as embeddings; it is computed again when it is needed."""
PERSON_COLUMNS = {
    "rejects.csv": ("identity",),
    "duplicates.csv": ("identity", "earlier_identity"),
    "warnings.csv": ("identity",),
}
"""Tables beside a corpus, and their columns with names of people."""


def remove_person(corpus_dir: Path, identity: str, observer: Observer | None = None) -> int:
    """Remove all data of a person from a corpus: clips, faces, speech, name, and rows of the tables beside it.

    Only the shards with data of the person are rewritten, under other names. The new corpus.json then replaces the old
    one in one step, and files that it does not name are deleted (`file_swap`). If this is interrupted, the corpus is
    either the old or the new one, and the next call finishes the removal. Data derived from the corpus is deleted,
    because it also depends on that person. The splits of all other people stay the same.

    A track that another person's clip also uses is kept; `residue_scan.find_traces` reports it.

    Args:
        corpus_dir: the corpus.
        identity: the person's name in the corpus.
        observer: receives the progress.
    Returns:
        Number of clips removed; 0 if there were none.
    Raises:
        DataError: the corpus is missing or cannot be written, another process is writing to it, or no other person
            would be left.
    """
    header = read_header(corpus_dir)
    identity = known_spelling(identity, header.identities) or identity
    if header.identities == (identity,):
        raise _nobody_left(corpus_dir, identity)
    with _rewriting(corpus_dir, f"remove '{identity}' again") as staging:
        before = after = read_header(corpus_dir)
        if identity in before.identities:
            corpus = Corpus.open(corpus_dir)
            selection = select_clips(corpus, corpus.index.identity != before.identities.index(identity))
            if not bool(selection.clips.any()):
                raise _nobody_left(corpus_dir, identity)
            after = write_selection(corpus, selection, f"remove {identity}", staging, observer or Observer())
            _commit(staging, before, after)
        _rewrite_tables(corpus_dir, identity, staging)
    return before.num_clips - after.num_clips


def remove_faces(corpus_dir: Path, dropped: Tensor, observer: Observer | None = None) -> CorpusHeader:
    """Remove some faces, clips that have no faces left, tracks that have no clips left, and people without clips.

    The files are replaced as in `remove_person`. A track that remaining clips use is kept whole.

    Args:
        corpus_dir: the corpus.
        dropped: (faces,) bool, in the order of the index.
        observer: receives the progress.
    Returns:
        The header of the remaining corpus.
    Raises:
        DataError: the corpus is missing or cannot be written, another process is writing to it, or no face would be
            left.
    """
    with _rewriting(corpus_dir, "run the same command again") as staging:
        corpus = Corpus.open(corpus_dir)
        before = after = corpus.header
        if bool(dropped.all()):
            raise DataError(f"{corpus_dir}: no face would be left; delete the folder instead")
        if bool(dropped.any()):
            after = write_selection(
                corpus, select_faces(corpus, ~dropped), "drop faces", staging, observer or Observer()
            )
            _commit(staging, before, after)
    return after


def _nobody_left(folder: Path, identity: str) -> DataError:
    return DataError(f"{folder}: '{identity}' is the only person in it; delete the folder instead")


@contextmanager
def _rewriting(folder: Path, advice: str) -> Iterator[Path]:
    """Provide a staging folder, and lock the corpus against other writers."""
    read_header(folder)
    try:
        with staging_folder(folder) as staging:
            _delete_unnamed_shards(folder, read_header(folder))
            yield staging
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be rewritten ({error.strerror}); the corpus is intact; free disk space, or make "
            f"the folder writable, and {advice}"
        ) from None


def _delete_unnamed_shards(folder: Path, header: CorpusHeader) -> None:
    """Delete shards that the header does not name: they may hold faces of people who were removed."""
    named = {shard.file for shard in header.shards}
    for path in stored_shards(folder):
        if path.name not in named:
            path.unlink()


def _commit(staging: Path, before: CorpusHeader, after: CorpusHeader) -> None:
    old = [DERIVED, *(shard.file for shard in before.shards)]
    new = [shard.file for shard in after.shards]
    swap(staging, HEADER_FILE, after.to_json(), new=new, old=old)


def _rewrite_tables(folder: Path, identity: str, staging: Path) -> None:
    for name, columns in PERSON_COLUMNS.items():
        path = folder / name
        if not path.is_file():
            continue
        with io.TextIOWrapper(open_bytes(path), "utf-8-sig", "surrogateescape", newline="") as file:
            table = csv.DictReader(file)
            rows: list[dict[str, Any]] = list(table)
            column_names = list(table.fieldnames or ())
        normal = normalise_name(identity)
        remaining = [row for row in rows if all(normalise_name(row.get(column) or "") != normal for column in columns)]
        if len(remaining) == len(rows):
            continue
        text = io.StringIO()
        writer = csv.DictWriter(text, column_names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(remaining)
        write_file(staging / name, text.getvalue().encode("utf-8", "surrogateescape"))
        move(staging / name, path)
    sync_folder(folder)
