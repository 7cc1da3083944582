"""Search for leftover data of a removed person in every file of a folder."""

import csv
import io
import json
import mmap
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from facegen.core.readable_files import open_bytes
from facegen.core.text.names import matching_names, normalise_name, spellings_of
from facegen.data.corpus.header import HEADER_FILE, SHARD_NAME, CorpusHeader, read_header, stored_shards
from facegen.data.corpus.index import CorpusIndex
from facegen.data.corpus.reader import Corpus
from facegen.data.corpus.shards import map_tensors
from facegen.data.importers.clip_files import digest

NUMBER_COLUMNS = frozenset({"line", "earlier_line", "clip", "frame", "distance"})
"""Numeric columns of the tables beside a corpus; a name that is a number would match there by chance."""


@dataclass(frozen=True)
class Fingerprints:
    """Fingerprints used to find leftover data of a removed person.

    Attributes:
        identity: the person's name.
        others: longer names of other people that contain it, such as "Ana Maria" for "Ana"; an occurrence of the name
            within one of these does not count.
        faces, tracks: digests of all faces and tracks of the person.
    """

    identity: str
    others: frozenset[str] = frozenset()
    faces: frozenset[bytes] = field(default=frozenset(), repr=False)
    tracks: frozenset[bytes] = field(default=frozenset(), repr=False)


def fingerprints_of(corpus_dir: Path, identity: str) -> Fingerprints:
    """Collect the fingerprints of a person before the removal; of a person without clips, the name only.

    Raises:
        DataError: the corpus is missing or damaged.
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
    """Select the names of other people that contain a name, whatever their Unicode forms."""
    normal = normalise_name(identity)
    return frozenset(name for name in names if normal in normalise_name(name) and normalise_name(name) != normal)


def find_traces(folder: Path, fingerprints: Fingerprints) -> list[str]:
    """Search every file below a folder for a person's name, faces and speech.

    Files of a corpus are parsed. Other files are searched for the bytes of the name without a letter or digit before
    or after it. A face or track that was packed under another person's name as well is reported, although the removal
    is complete.

    Args:
        folder: a corpus, or a folder that contains corpora and other files.
        fingerprints: result of `fingerprints_of` before the removal.
    Returns:
        One line per trace, with its place; empty if there is none.
    Raises:
        DataError: a corpus in the folder is damaged.
    """
    pattern = _pattern(fingerprints)
    traces = []
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).as_posix()
        if _mentions(pattern, fingerprints, place.encode("utf-8", "surrogateescape")):
            traces.append(f"{place}: the name of the file")
        if not path.is_file() or path.is_symlink() or _is_of_corpus(path):
            continue
        if path.suffix == ".csv":
            traces += _in_table(path, place, pattern, fingerprints)
        elif path.stat().st_size:
            with open_bytes(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                if _mentions(pattern, fingerprints, content):
                    traces.append(f"{place}: the name")
    for header_path in sorted(folder.rglob(HEADER_FILE)):
        below = header_path.parent.relative_to(folder).as_posix()
        traces += [
            f"{'' if below == '.' else below + '/'}{trace}" for trace in _in_corpus(header_path.parent, fingerprints)
        ]
    return traces


def _is_of_corpus(path: Path) -> bool:
    is_named_so = path.name == HEADER_FILE or re.fullmatch(SHARD_NAME, path.name)
    return bool(is_named_so) and (path.parent / HEADER_FILE).exists()


def _pattern(fingerprints: Fingerprints) -> re.Pattern[bytes]:
    """Compile a pattern of all names, longer ones first, so that they match instead of the person's name."""
    names = [*sorted(fingerprints.others, key=len, reverse=True), fingerprints.identity]
    spellings = dict.fromkeys(spelling for name in names for spelling in _spellings(name))
    inside = rb"[0-9A-Za-z\x80-\xff]"
    return re.compile(rb"(?<!%b)(?:%b)(?!%b)" % (inside, b"|".join(map(re.escape, spellings)), inside))


def _spellings(name: str) -> Iterator[bytes]:
    """Yield the bytes of a name in plain text, JSON and CSV, in each of its Unicode forms."""
    for form in spellings_of(name):
        yield form.encode("utf-8", "replace")
        yield json.dumps(form)[1:-1].encode()
        yield json.dumps(form, ensure_ascii=False)[1:-1].encode("utf-8", "replace")
        yield form.replace('"', '""').encode("utf-8", "replace")


def _mentions(pattern: re.Pattern[bytes], fingerprints: Fingerprints, content: bytes | mmap.mmap) -> bool:
    own = set(_spellings(fingerprints.identity))
    return any(match.group() in own for match in pattern.finditer(content))


def _in_table(path: Path, place: str, pattern: re.Pattern[bytes], fingerprints: Fingerprints) -> Iterator[str]:
    with io.TextIOWrapper(open_bytes(path), "utf-8-sig", "replace", newline="") as file:
        table = csv.DictReader(file)
        for row in table:
            cells = [cell for column, cell in row.items() if column not in NUMBER_COLUMNS and isinstance(cell, str)]
            if any(_mentions(pattern, fingerprints, cell.encode()) for cell in cells):
                yield f"{place}: line {table.line_num}"


def _in_corpus(folder: Path, fingerprints: Fingerprints) -> Iterator[str]:
    header = read_header(folder)
    if matching_names(fingerprints.identity, header.identities):
        yield f"{HEADER_FILE}: among the identities"
    if _mentions(_pattern(fingerprints), fingerprints, json.dumps(header.provenance.model_dump(mode="json")).encode()):
        yield f"{HEADER_FILE}: in the provenance"
    named = {shard.file for shard in header.shards}
    for path in stored_shards(folder):
        if path.name not in named:
            yield f"{path.name}: is not part of the corpus any more, and may hold data of removed people"
    corpus = Corpus.open(folder)
    yield from _in_strings(corpus.index, header, fingerprints)
    yield from _in_content(corpus, fingerprints)


def _in_strings(index: CorpusIndex, header: CorpusHeader, fingerprints: Fingerprints) -> Iterator[str]:
    pattern = _pattern(fingerprints)
    clips = torch.arange(header.num_clips)
    for name, column in index.strings.items():
        for clip, string in enumerate(column.at(clips)):
            if _mentions(pattern, fingerprints, string.encode()):
                yield f"{header.index.file}: the {name} of clip {clip}, '{string}'"


def _in_content(corpus: Corpus, fingerprints: Fingerprints) -> Iterator[str]:
    """Compare the digest of every face and track."""
    header, index = corpus.header, corpus.index
    row = 0
    for shard in header.faces if fingerprints.faces else ():
        for face in map_tensors(corpus.folder / shard.file)["faces"]:
            if digest(face.numpy()) in fingerprints.faces:
                clip = int(torch.searchsorted(index.frame_offsets, row, right=True)) - 1
                yield f"{shard.file}: the same face as clip {clip} of '{_person_of(corpus, clip)}'"
            row += 1
    compared_tracks: set[int] = set()
    for clip, track in enumerate(index.track.tolist() if fingerprints.tracks else ()):
        if track >= 0 and track not in compared_tracks and digest(_track(corpus, clip)) in fingerprints.tracks:
            yield f"the same speech as clip {clip} of '{_person_of(corpus, clip)}'"
        compared_tracks.add(track)


def _person_of(corpus: Corpus, clip: int) -> str:
    return corpus.header.identities[int(corpus.index.identity[clip])]


def _track(corpus: Corpus, clip: int) -> NDArray[np.int16]:
    first, end = corpus.index.track_offsets[corpus.index.track[clip] + torch.tensor([0, 1])].tolist()
    speech: NDArray[np.int16] = corpus.speech(torch.tensor([clip]), torch.tensor([0]), end - first)[0].numpy()
    return speech
