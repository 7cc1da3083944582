"""What is left of a person in a folder, found by looking at every file in it."""

import csv
import json
import mmap
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from facegen.core.text.names import normalise_name, same_people, spellings_of
from facegen.data.corpus.header import FILE_NAME, SHARD_NAME, CorpusHeader, read_header, stored_shards
from facegen.data.corpus.index import CorpusIndex
from facegen.data.corpus.reader import Corpus
from facegen.data.corpus.shards import map_tensors
from facegen.data.importers.clip_files import digest

NUMBER_COLUMNS = frozenset({"line", "earlier_line", "clip", "frame", "distance"})
"""Of the tables beside a corpus; a name that is a number would be found there by chance."""


@dataclass(frozen=True)
class Fingerprints:
    """What betrays a person in the files of a corpus.

    Attributes:
        identity: their name.
        others: names of others that hold it, such as "Ana Maria" for "Ana"; where those stand, it does not count.
        faces, tracks: digests of all their faces and of all their speech.
    """

    identity: str
    others: frozenset[str] = frozenset()
    faces: frozenset[bytes] = field(default=frozenset(), repr=False)
    tracks: frozenset[bytes] = field(default=frozenset(), repr=False)


def fingerprints_of(corpus_dir: Path, identity: str) -> Fingerprints:
    """What to look for after somebody is removed; to be asked before. Where they have no clips it is their name alone.

    Raises:
        DataError: there is no corpus, or it is damaged.
    """
    corpus = Corpus.open(corpus_dir)
    names, index = corpus.header.identities, corpus.index
    others = longer_names(identity, names)
    if identity not in names:
        return Fingerprints(identity, others)
    clips = (index.identity == names.index(identity)).nonzero()[:, 0]
    faces = set()
    for clip in clips.tolist():
        frames = torch.arange(int(index.frame_offsets[clip + 1] - index.frame_offsets[clip]))
        faces |= {digest(face) for face in corpus.faces(torch.full_like(frames, clip), frames).numpy()}
    tracks = {digest(_track(corpus, clip)) for clip in clips.tolist() if index.track[clip] >= 0}
    return Fingerprints(identity, others, frozenset(faces), frozenset(tracks))


def longer_names(identity: str, names: Iterable[str]) -> frozenset[str]:
    """Names of other people that hold a name, whatever the Unicode form of either."""
    normal = normalise_name(identity)
    return frozenset(name for name in names if normal in normalise_name(name) and normalise_name(name) != normal)


def find_traces(folder: Path, marks: Fingerprints) -> list[str]:
    """Look through every file below a folder for a person's name, faces and speech.

    The files of a corpus are read as what they are; in others the bytes of the name are looked for, with no letter or
    digit before or after. A face or a track of theirs that somebody else has, too, is found, and is no mistake of a
    removal: it was packed under both names.

    Args:
        folder: a corpus, or a folder that holds one beside other files.
        marks: as `fingerprints_of` gave them before the removal.
    Returns:
        What is left and where, a line each; nothing where nothing is.
    Raises:
        DataError: a corpus in it is damaged.
    """
    pattern = _pattern(marks)
    traces = []
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).as_posix()
        if _mentions(pattern, marks, place.encode("utf-8", "surrogateescape")):
            traces.append(f"{place}: the name of the file")
        if not path.is_file() or path.is_symlink() or _is_of_corpus(path):
            continue
        if path.suffix == ".csv":
            traces += _in_table(path, place, pattern, marks)
        elif path.stat().st_size:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                if _mentions(pattern, marks, content):
                    traces.append(f"{place}: the name")
    for corpus_json in sorted(folder.rglob(FILE_NAME)):
        below = corpus_json.parent.relative_to(folder).as_posix()
        traces += [f"{'' if below == '.' else below + '/'}{trace}" for trace in _in_corpus(corpus_json.parent, marks)]
    return traces


def _is_of_corpus(path: Path) -> bool:
    ours = path.name == FILE_NAME or re.fullmatch(SHARD_NAME, path.name)
    return bool(ours) and (path.parent / FILE_NAME).exists()


def _pattern(marks: Fingerprints) -> re.Pattern[bytes]:
    """The names that hold the person's come first, so that they are found in its stead."""
    names = [*sorted(marks.others, key=len, reverse=True), marks.identity]
    spellings = dict.fromkeys(spelling for name in names for spelling in _spellings(name))
    inside = rb"[0-9A-Za-z\x80-\xff]"
    return re.compile(rb"(?<!%b)(?:%b)(?!%b)" % (inside, b"|".join(map(re.escape, spellings)), inside))


def _spellings(name: str) -> Iterator[bytes]:
    """As it stands in text, in JSON and in CSV, in each of its Unicode forms."""
    for form in spellings_of(name):
        yield form.encode("utf-8", "replace")
        yield json.dumps(form)[1:-1].encode()
        yield json.dumps(form, ensure_ascii=False)[1:-1].encode("utf-8", "replace")
        yield form.replace('"', '""').encode("utf-8", "replace")


def _mentions(pattern: re.Pattern[bytes], marks: Fingerprints, content: bytes | mmap.mmap) -> bool:
    own = set(_spellings(marks.identity))
    return any(found.group() in own for found in pattern.finditer(content))


def _in_table(path: Path, place: str, pattern: re.Pattern[bytes], marks: Fingerprints) -> Iterator[str]:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        table = csv.DictReader(file)
        for row in table:
            cells = [cell for column, cell in row.items() if column not in NUMBER_COLUMNS and isinstance(cell, str)]
            if any(_mentions(pattern, marks, cell.encode()) for cell in cells):
                yield f"{place}: line {table.line_num}"


def _in_corpus(folder: Path, marks: Fingerprints) -> Iterator[str]:
    header = read_header(folder)
    if same_people(marks.identity, header.identities):
        yield f"{FILE_NAME}: among the identities"
    if _mentions(_pattern(marks), marks, json.dumps(header.provenance.model_dump(mode="json")).encode()):
        yield f"{FILE_NAME}: in the provenance"
    named = {shard.file for shard in header.shards}
    for path in stored_shards(folder):
        if path.name not in named:
            yield f"{path.name}: is no longer part of the corpus, and may hold anybody"
    corpus = Corpus.open(folder)
    yield from _in_strings(corpus.index, header, marks)
    yield from _in_content(corpus, marks)


def _in_strings(index: CorpusIndex, header: CorpusHeader, marks: Fingerprints) -> Iterator[str]:
    pattern = _pattern(marks)
    clips = torch.arange(header.num_clips)
    for name, column in index.strings.items():
        for clip, string in enumerate(column.at(clips)):
            if _mentions(pattern, marks, string.encode()):
                yield f"{header.index.file}: the {name} of clip {clip}, '{string}'"


def _in_content(corpus: Corpus, marks: Fingerprints) -> Iterator[str]:
    """Faces and tracks one by one; each is compared whole, by its digest."""
    header, index = corpus.header, corpus.index
    row = 0
    for shard in header.faces if marks.faces else ():
        for face in map_tensors(corpus.folder / shard.file)["faces"]:
            if digest(face.numpy()) in marks.faces:
                clip = int(torch.searchsorted(index.frame_offsets, row, right=True)) - 1
                yield f"{shard.file}: the same face as clip {clip} of '{_who(corpus, clip)}'"
            row += 1
    heard: set[int] = set()
    for clip, track in enumerate(index.track.tolist() if marks.tracks else ()):
        if track >= 0 and track not in heard and digest(_track(corpus, clip)) in marks.tracks:
            yield f"the same speech as clip {clip} of '{_who(corpus, clip)}'"
        heard.add(track)


def _who(corpus: Corpus, clip: int) -> str:
    return corpus.header.identities[int(corpus.index.identity[clip])]


def _track(corpus: Corpus, clip: int) -> NDArray[np.int16]:
    first, end = corpus.index.track_offsets[corpus.index.track[clip] + torch.tensor([0, 1])].tolist()
    speech: NDArray[np.int16] = corpus.speech(torch.tensor([clip]), torch.tensor([0]), end - first)[0].numpy()
    return speech
