"""Removal of a person from a collection or corpus, and a search for remaining data."""

import shutil
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from facegen.collect.folder import NAME, CollectionFolder
from facegen.collect.manifest import people as manifest_people
from facegen.collect.manifest.manifest import CollectionManifest
from facegen.collect.sources.source_list import source_id
from facegen.collect.video.failures import DiskError
from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.core.text.names import matching_names
from facegen.core.text.suggest import did_you_mean
from facegen.data.corpus.file_swap import delete_set, recover, staging_folder
from facegen.data.corpus.header import HEADER_FILE, read_header, stored_shards
from facegen.data.corpus.removal import DERIVED, PERSON_COLUMNS, remove_person
from facegen.data.corpus.residue_scan import Fingerprints, find_traces, fingerprints_of, longer_names


@dataclass(frozen=True)
class ForgetResult:
    """Result of the removal of a person.

    Attributes:
        person: name of the person.
        removed: {kind of data: number of removed items}.
        left: {kind of data: number of remaining items}; all 0 if the removal is complete.
        traces: remaining data that a search of every file found, one text each.
    """

    person: str
    removed: dict[str, int]
    left: dict[str, int]
    traces: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """True if nothing is left."""
        return not self.traces and not any(self.left.values())


def forget_person(out: Path, person: str, observer: Observer | None = None) -> ForgetResult:
    """Remove a person from manifest, results, kept videos and frames, and corpus, then search for remaining data.

    A second call finishes an interrupted one. The corpus is changed last, so that it still has the name until then.

    Args:
        out: folder of a collection, or of any packed corpus.
        person: name of the person; other Unicode forms of the name are the same person.
        observer: receives progress.
    Raises:
        DataError: the name is unknown, or a file cannot be written.
    """
    folder = CollectionFolder(out)
    observer = observer or Observer()
    try:
        was_interrupted = recover(out)
    except OSError as error:
        raise DataError(f"{out}: cannot be written ({error}); call the same command again to finish") from None
    known = _people(folder)
    spellings = matching_names(person, known) or ([person] if was_interrupted else [])
    if not spellings:
        if not folder.manifest.is_file():
            read_header(out)  # raises an error that describes the fault of the folder
        raise DataError(f"{out}: unknown name '{person}'{did_you_mean(person, known)}")
    removed: Counter[str] = Counter()
    fingerprints = [_fingerprints(out, spelling, known) for spelling in spellings]
    try:
        with ExitStack() as stack:
            manifest = None
            if folder.manifest.is_file():
                stack.enter_context(folder.lock())
                manifest = stack.enter_context(CollectionManifest(folder.manifest))
                folder.remove_leftovers()
            for spelling in spellings:
                if manifest is not None:
                    removed.update(_forget_collected(folder, manifest, spelling))
                removed["clips of the corpus"] += _forget_packed(out, spelling, observer)
    except DiskError as error:
        raise DataError(f"{out}: cannot be written ({error.detail}); call the same command again to finish") from None
    except OSError as error:
        raise DataError(f"{out}: cannot be written ({error}); call the same command again to finish") from None
    left: Counter[str] = Counter()
    traces: dict[str, None] = {}
    for spelling, spelling_fingerprints in zip(spellings, fingerprints, strict=True):
        counts, lines = _search(folder, spelling, spelling_fingerprints)
        left.update(counts)
        traces |= dict.fromkeys(lines)
    return ForgetResult(person, dict(removed), dict(left), tuple(traces))


def _fingerprints(out: Path, person: str, known: set[str]) -> Fingerprints:
    fingerprints = fingerprints_of(out, person) if _has_corpus(out) else Fingerprints(person)
    return replace(fingerprints, others=fingerprints.others | longer_names(person, known))


def _people(folder: CollectionFolder) -> set[str]:
    names: set[str] = set()
    if folder.manifest.is_file():
        with CollectionManifest(folder.manifest, read_only=True) as manifest:
            names |= {name for (name,) in manifest.query("SELECT name FROM people")}
    if _has_corpus(folder.out):
        names |= set(read_header(folder.out).identities)
    return names


def _has_corpus(out: Path) -> bool:
    return (out / HEADER_FILE).is_file()


def _forget_collected(folder: CollectionFolder, manifest: CollectionManifest, person: str) -> dict[str, int]:
    """Delete a person's files, then their rows, so that a second call still finds the files after an interruption."""
    videos = manifest.query("SELECT id, address FROM videos WHERE person = ?", person)
    counts = {
        "frames": "SELECT count(*) FROM frames JOIN videos ON frames.video = videos.id WHERE person = ?",
        "clips": "SELECT count(*) FROM clips JOIN videos ON clips.video = videos.id WHERE person = ?",
    }
    removed = {"videos": len(videos)} | {name: int(manifest.query(q, person)[0][0]) for name, q in counts.items()}
    files = 0
    for video, address in videos:
        others = manifest.query("SELECT 1 FROM videos WHERE address = ? AND person != ? LIMIT 1", address, person)
        downloaded = () if others else (folder.kept_video(address), folder.download(address))
        for path in (folder.result(video), folder.kept_frames(video), *downloaded):
            files += _remove(path)
    removed["files"] = files
    manifest_people.delete_person(manifest, person)
    return removed


def _remove(path: Path) -> int:
    """Delete a file or folder, and return the number of deleted files."""
    if path.is_dir():
        number = sum(file.is_file() for file in path.rglob("*"))
        shutil.rmtree(path)
        return number
    if path.exists():
        path.unlink()
        return 1
    return 0


def _forget_packed(out: Path, person: str, observer: Observer) -> int:
    if not _has_corpus(out):
        return 0
    corpus = read_header(out)
    if corpus.identities != (person,):
        return remove_person(out, person, observer)
    # A corpus without people is deleted, with the tables about it.
    with staging_folder(out) as staging:
        shards = [shard.name for shard in stored_shards(out)]
        delete_set(staging, HEADER_FILE, [*shards, DERIVED, *PERSON_COLUMNS])
    return corpus.num_clips


def _search(
    folder: CollectionFolder, person: str, fingerprints: Fingerprints
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Count the person's remaining rows and files, and search every file for their name, faces and speech."""
    left: dict[str, int] = {}
    unknown: list[str] = []
    if _has_corpus(folder.out):
        left["people of the corpus"] = int(person in read_header(folder.out).identities)
    if folder.manifest.is_file():
        with CollectionManifest(folder.manifest, read_only=True) as manifest:
            for table, column in (("people", "name"), ("videos", "person"), ("channels", "person")):
                left[f"{table} of the manifest"] = int(
                    manifest.query(f"SELECT count(*) FROM {table} WHERE {column} = ?", person)[0][0]
                )
            known = {name for pair in manifest.query("SELECT id, address FROM videos") for name in _file_stems(*pair)}
        for kept in (folder.results, folder.frames, folder.videos, folder.downloads):
            unknown += [path.name for path in kept.iterdir() if path.stem not in known] if kept.is_dir() else []
        left["files that belong to nobody"] = len(unknown)
    binary = tuple(f"{NAME}/{kept.name}/" for kept in (folder.results, folder.frames, folder.videos))
    # The bytes of a short name occur by chance in faces and sound; those files were counted by their owner above.
    traces = tuple(line for line in find_traces(folder.out, fingerprints) if not line.startswith(binary))
    return left, traces


def _file_stems(video: str, address: str) -> tuple[str, str]:
    return video, source_id("", address, None)
