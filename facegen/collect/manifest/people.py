"""People, videos and channels of a manifest, and the hashes of forgotten people."""

import hashlib
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace

from facegen.collect.manifest.manifest import CollectionManifest
from facegen.collect.sources.source_list import Person, Source, SourceList
from facegen.core.text.names import known_spelling, normalise_name, spellings_of

SALT = "salt"


def add_sources(manifest: CollectionManifest, people: Sequence[Person], sources: Sequence[Source]) -> list[str]:
    """Add people, videos and channels, and update the data of known people.

    Returns:
        Names of the people that are left out because they were forgotten.
    """
    forgotten = _find_forgotten(manifest, [person.name for person in people])
    with manifest.transaction() as db:
        db.executemany(
            "INSERT INTO people VALUES (:name, :consent, :licence, :sex, :language) ON CONFLICT (name) DO UPDATE "
            "SET consent = :consent, licence = :licence, sex = :sex, language = :language",
            [vars(person) for person in people if person.name not in forgotten],
        )
        for source in sources:
            if source.person not in forgotten:
                _add_source(db, source)
    return sorted(forgotten)


def match_stored_spellings(manifest: CollectionManifest, sources: SourceList) -> SourceList:
    """Replace the names of a list by the Unicode forms that the manifest has, so that nobody is collected twice."""
    stored = [name for (name,) in manifest.query("SELECT name FROM people") if not name.isascii()]
    known = {name: known_spelling(name, stored) or name for name in sources.people}
    people = {known[name]: replace(person, name=known[name]) for name, person in sources.people.items()}
    respelled = [replace(source, person=known[source.person]) for source in sources.sources.values()]
    return replace(sources, people=people, sources={source.id: source for source in respelled})


def add_channel_videos(manifest: CollectionManifest, channel: str, addresses: Sequence[tuple[str, str]]) -> None:
    """Add the listed videos (address, title) of a channel as waiting, and mark the channel as done."""
    with manifest.transaction() as db:
        (person,) = db.execute("SELECT person FROM channels WHERE id = ?", (channel,)).fetchone()
        for address, title in addresses:
            source = Source(person, "url", address, address)
            db.execute(
                "INSERT OR IGNORE INTO videos (id, person, kind, address, source, title) VALUES (?, ?, ?, ?, ?, ?)",
                (source.id, person, "url", address, address, title),
            )
        db.execute(
            "UPDATE channels SET state = 'done', listed = ?, reason = '', advice = '', detail = '' WHERE id = ?",
            (len(addresses), channel),
        )


def count_unlisted(manifest: CollectionManifest, sources: Mapping[str, Source]) -> int:
    """Count the videos of the manifest that a list of sources names neither directly nor through a channel."""
    channels = {source.person for source in sources.values() if source.kind == "channel"}
    rows = manifest.query("SELECT id, person FROM videos")
    return sum(identifier not in sources and person not in channels for identifier, person in rows)


def delete_person(manifest: CollectionManifest, name: str) -> int:
    """Delete a person's rows, and every byte of them from the file; return the number of their videos.

    A salted hash of the name stays, so that a list of sources that still names the person does not add them again.
    """
    salt = manifest.get_fact(SALT)
    if salt is None:
        salt = secrets.token_hex(16)
        manifest.set_fact(SALT, salt)
    with manifest.transaction() as db:
        number = db.execute("SELECT count(*) FROM videos WHERE person = ?", (name,)).fetchone()[0]
        db.execute("DELETE FROM people WHERE name = ?", (name,))
        db.execute("INSERT OR IGNORE INTO forgotten VALUES (?)", (_salted_hash(salt, normalise_name(name)),))
    manifest.vacuum()
    return int(number)


def _find_forgotten(manifest: CollectionManifest, names: Sequence[str]) -> set[str]:
    """Select the names of forgotten people, by the salted hashes that the manifest keeps."""
    digests = {digest for (digest,) in manifest.query("SELECT digest FROM forgotten")}
    salt = manifest.get_fact(SALT)
    if not digests:
        return set()
    return {name for name in names if any(_salted_hash(salt, form) in digests for form in spellings_of(name))}


def _salted_hash(salt: str, name: str) -> str:
    return hashlib.sha256(f"{salt}\0{name}".encode("utf-8", "surrogatepass")).hexdigest()


def _add_source(db: sqlite3.Connection, source: Source) -> None:
    if source.kind == "channel":
        db.execute(
            "INSERT INTO channels (id, person, address, last, state) VALUES (?, ?, ?, ?, 'waiting') "
            "ON CONFLICT (id) DO UPDATE SET last = excluded.last, attempts = 0, next_try = 0, "
            "state = CASE WHEN excluded.last > last THEN 'waiting' ELSE state END",
            (source.id, source.person, source.address, source.last),
        )
        return
    part, centre = source.segment, source.segment.centre if source.segment else None
    db.execute(
        "INSERT OR IGNORE INTO videos (id, person, kind, address, source, start_seconds, end_seconds, centre_x, "
        "centre_y) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (source.id, source.person, source.kind, source.address, source.as_written,
         *((part.start_seconds, part.end_seconds) if part else (None, None)), *(centre or (None, None))),
    )  # fmt: skip
