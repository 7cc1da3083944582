"""Removes a person, or some faces, from a packed corpus, and leaves everything else as it was."""

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
from facegen.core.text.names import known_as, normalise_name
from facegen.data.corpus import header as corpus_json
from facegen.data.corpus.corpus_filter import keep_clips, keep_faces, write_kept
from facegen.data.corpus.file_swap import staging_folder, swap
from facegen.data.corpus.header import CorpusHeader, read_header, stored_shards
from facegen.data.corpus.reader import Corpus

DERIVED = "derived"
"""What was learnt from a corpus, or computed of it, and is made again when it is needed."""
PERSON_COLUMNS = {
    "rejects.csv": ("identity",),
    "duplicates.csv": ("identity", "earlier_identity"),
    "warnings.csv": ("identity",),
}
"""Tables beside a corpus, and their columns that name people."""


def remove_person(corpus_dir: Path, identity: str, observer: Observer | None = None) -> int:
    """Remove all that a corpus holds of a person: clips, faces, speech, name, and rows of the tables beside it.

    Only the shards that hold something of them are written anew, under other names; the new corpus.json then takes
    the place of the old one at once, and what it no longer names is deleted (`file_swap`). Whenever this is
    interrupted, the corpus is the old one or the new one; called again, it finishes. What was derived from the corpus
    is deleted, for it learnt from that person, too. Nobody else changes their split.

    A track that somebody else's clip holds as well stays, for it is theirs, too; `proof.find_traces` names it.

    Args:
        corpus_dir: the corpus.
        identity: the person's name in it.
        observer: told how far it is.
    Returns:
        How many clips were removed; 0 where there were none, so that it can be asked for again.
    Raises:
        DataError: there is no corpus, it cannot be written, somebody else is at work on it, or nobody would be left.
    """
    header = read_header(corpus_dir)
    identity = known_as(identity, header.identities) or identity
    if header.identities == (identity,):
        raise _nobody_left(corpus_dir, identity)
    with _rewriting(corpus_dir, f"remove '{identity}' again") as staging:
        before = after = read_header(corpus_dir)
        if identity in before.identities:
            corpus = Corpus.open(corpus_dir)
            kept = keep_clips(corpus, corpus.index.identity != before.identities.index(identity))
            if not bool(kept.clips.any()):
                raise _nobody_left(corpus_dir, identity)
            after = write_kept(corpus, kept, f"remove {identity}", staging, observer or Observer())
            _commit(staging, before, after)
        _rewrite_tables(corpus_dir, identity, staging)
    return before.num_clips - after.num_clips


def remove_faces(corpus_dir: Path, dropped: Tensor, observer: Observer | None = None) -> CorpusHeader:
    """Remove some faces; a clip without faces goes, too, and so does a track without clips, and a person without any.

    Written as `remove_person` writes; speech that other faces of a track stand in stays.

    Args:
        corpus_dir: the corpus.
        dropped: (faces,) bool, in the order of the index.
        observer: told how far it is.
    Returns:
        The corpus.json of what is left.
    Raises:
        DataError: there is no corpus, it cannot be written, somebody else is at work on it, or nothing would be left.
    """
    with _rewriting(corpus_dir, "call the same command again") as staging:
        corpus = Corpus.open(corpus_dir)
        before = left = corpus.header
        if bool(dropped.all()):
            raise DataError(f"{corpus_dir}: no face would be left; delete the folder instead")
        if bool(dropped.any()):
            left = write_kept(corpus, keep_faces(corpus, ~dropped), "drop faces", staging, observer or Observer())
            _commit(staging, before, left)
    return left


def _nobody_left(folder: Path, identity: str) -> DataError:
    return DataError(f"{folder}: '{identity}' is the only person in it; delete the folder instead")


@contextmanager
def _rewriting(folder: Path, advice: str) -> Iterator[Path]:
    """Give a folder for what is written anew, while no other process changes the corpus."""
    read_header(folder)
    try:
        with staging_folder(folder) as staging:
            _sweep(folder, read_header(folder))
            yield staging
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be rewritten ({error.strerror}); the corpus is whole; free some space, or make it "
            f"writable, and {advice}"
        ) from None


def _sweep(folder: Path, header: CorpusHeader) -> None:
    """Delete the shards that corpus.json does not name: they may hold faces of people who were removed."""
    named = {shard.file for shard in header.shards}
    for path in stored_shards(folder):
        if path.name not in named:
            path.unlink()


def _commit(staging: Path, before: CorpusHeader, after: CorpusHeader) -> None:
    old = [DERIVED, *(shard.file for shard in before.shards)]
    new = [shard.file for shard in after.shards]
    swap(staging, corpus_json.FILE_NAME, after.to_json(), new=new, old=old)


def _rewrite_tables(folder: Path, identity: str, staging: Path) -> None:
    for name, columns in PERSON_COLUMNS.items():
        path = folder / name
        if not path.is_file():
            continue
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            rows: list[dict[str, Any]] = list(table)
            header = list(table.fieldnames or ())
        normal = normalise_name(identity)
        left = [row for row in rows if all(normalise_name(row.get(column) or "") != normal for column in columns)]
        if len(left) == len(rows):
            continue
        text = io.StringIO()
        writer = csv.DictWriter(text, header, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(left)
        write_file(staging / name, text.getvalue().encode())
        move(staging / name, path)
    sync_folder(folder)
