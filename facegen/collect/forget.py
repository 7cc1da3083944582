"""Removes a person from a collection, and shows that nothing of them is left."""

import shutil
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from facegen.collect.folder import NAME, CollectionFolder
from facegen.collect.manifest import people as manifest_sources
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
class Forgotten:
    """What was removed, and what a search found afterwards.

    Attributes:
        person: who.
        removed: {what: how many}.
        left: {what: how many there still are}; all 0, or something is wrong.
        traces: what a search of every file found, a line each.
    """

    person: str
    removed: dict[str, int]
    left: dict[str, int]
    traces: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Nothing is left."""
        return not self.traces and not any(self.left.values())


def forget_person(out: Path, person: str, observer: Observer | None = None) -> Forgotten:
    """Remove a person from manifest, results, kept videos and frames, and from the packed corpus; then search for them.

    Interrupted anywhere, it is called again and finishes. The corpus goes last: while somebody stands in it, they can
    be asked for again.

    Args:
        out: folder of a collection, or of any packed corpus.
        person: their name; whoever has it in another Unicode form is the same person.
        observer: told how far it is.
    Raises:
        DataError: there is nobody of that name, or something cannot be written.
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
            read_header(out)  # says what is wrong with the folder
        raise DataError(f"{out}: knows nobody named '{person}'{did_you_mean(person, known)}")
    removed: Counter[str] = Counter()
    marks = [_marks(out, spelling, known) for spelling in spellings]
    try:
        with ExitStack() as stack:
            manifest = None
            if folder.manifest.is_file():
                stack.enter_context(folder.alone())
                manifest = stack.enter_context(CollectionManifest(folder.manifest))
                folder.tidy()
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
    for spelling, of_spelling in zip(spellings, marks, strict=True):
        counts, lines = _search(folder, spelling, of_spelling)
        left.update(counts)
        traces |= dict.fromkeys(lines)
    return Forgotten(person, dict(removed), dict(left), tuple(traces))


def _marks(out: Path, person: str, known: set[str]) -> Fingerprints:
    marks = fingerprints_of(out, person) if _has_corpus(out) else Fingerprints(person)
    return replace(marks, others=marks.others | longer_names(person, known))


def _people(folder: CollectionFolder) -> set[str]:
    found: set[str] = set()
    if folder.manifest.is_file():
        with CollectionManifest(folder.manifest, read_only=True) as manifest:
            found |= {name for (name,) in manifest.ask("SELECT name FROM people")}
    if _has_corpus(folder.out):
        found |= set(read_header(folder.out).identities)
    return found


def _has_corpus(out: Path) -> bool:
    return (out / HEADER_FILE).is_file()


def _forget_collected(folder: CollectionFolder, manifest: CollectionManifest, person: str) -> dict[str, int]:
    """Files first: while the manifest knows their names, an interrupted call can go on."""
    videos = manifest.ask("SELECT id, address FROM videos WHERE person = ?", person)
    counts = {
        "frames": "SELECT count(*) FROM frames JOIN videos ON frames.video = videos.id WHERE person = ?",
        "clips": "SELECT count(*) FROM clips JOIN videos ON clips.video = videos.id WHERE person = ?",
    }
    removed = {"videos": len(videos)} | {name: int(manifest.ask(q, person)[0][0]) for name, q in counts.items()}
    files = 0
    for video, address in videos:
        others = manifest.ask("SELECT 1 FROM videos WHERE address = ? AND person != ? LIMIT 1", address, person)
        for path in (folder.result(video), folder.kept_frames(video), *(() if others else _fetched(folder, address))):
            files += _remove(path)
    removed["files"] = files
    manifest_sources.forget(manifest, person)
    return removed


def _fetched(folder: CollectionFolder, address: str) -> tuple[Path, Path]:
    return folder.kept_video(address), folder.download(address)


def _remove(path: Path) -> int:
    if path.is_dir():
        number = sum(each.is_file() for each in path.rglob("*"))
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
    # Nobody would be left: then there is no corpus any more, nor a table about it.
    with staging_folder(out) as staging:
        shards = [shard.name for shard in stored_shards(out)]
        delete_set(staging, HEADER_FILE, [*shards, DERIVED, *PERSON_COLUMNS])
    return corpus.num_clips


def _search(folder: CollectionFolder, person: str, marks: Fingerprints) -> tuple[dict[str, int], tuple[str, ...]]:
    """Count what the manifest and the corpus still hold, and look through every file for name, faces and speech."""
    left: dict[str, int] = {}
    unknown: list[str] = []
    if _has_corpus(folder.out):
        left["people of the corpus"] = int(person in read_header(folder.out).identities)
    if folder.manifest.is_file():
        with CollectionManifest(folder.manifest, read_only=True) as manifest:
            for table, column in (("people", "name"), ("videos", "person"), ("channels", "person")):
                left[f"{table} of the manifest"] = int(
                    manifest.ask(f"SELECT count(*) FROM {table} WHERE {column} = ?", person)[0][0]
                )
            known = {name for pair in manifest.ask("SELECT id, address FROM videos") for name in _names(*pair)}
        for kept in (folder.results, folder.frames, folder.videos, folder.downloads):
            unknown += [path.name for path in kept.iterdir() if path.stem not in known] if kept.is_dir() else []
        left["files that belong to nobody"] = len(unknown)
    binary = tuple(f"{NAME}/{kept.name}/" for kept in (folder.results, folder.frames, folder.videos))
    # In faces and sound the bytes of a short name come up by chance; whose those files are was counted above.
    traces = tuple(line for line in find_traces(folder.out, marks) if not line.startswith(binary))
    return left, traces


def _names(video: str, address: str) -> tuple[str, str]:
    return video, source_id("", address, None)
