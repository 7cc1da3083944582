"""People, videos and channels of a manifest; and people who were forgotten."""

import hashlib
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace

from facegen.collect.manifest.manifest import CollectionManifest
from facegen.collect.sources.source_list import Person, Source, SourceList
from facegen.core.text.names import known_spelling, normalise_name, spellings_of

SALT = "salt"


def add(manifest: CollectionManifest, people: Sequence[Person], sources: Sequence[Source]) -> list[str]:
    """Add people, videos and channels; what is known of a person is brought up to date.

    Returns:
        Names of those that are left out, because they were forgotten.
    """
    forgotten = _forgotten(manifest, [person.name for person in people])
    with manifest.change() as db:
        db.executemany(
            "INSERT INTO people VALUES (:name, :consent, :licence, :sex, :language) ON CONFLICT (name) DO UPDATE "
            "SET consent = :consent, licence = :licence, sex = :sex, language = :language",
            [vars(person) for person in people if person.name not in forgotten],
        )
        for source in sources:
            if source.person not in forgotten:
                _add_source(db, source)
    return sorted(forgotten)


def spelled_as_stored(manifest: CollectionManifest, sources: SourceList) -> SourceList:
    """A list with the spellings by which the manifest knows people, so that nobody of it is collected twice."""
    stored = [name for (name,) in manifest.ask("SELECT name FROM people") if not name.isascii()]
    known = {name: known_spelling(name, stored) or name for name in sources.people}
    people = {known[name]: replace(person, name=known[name]) for name, person in sources.people.items()}
    respelled = [replace(source, person=known[source.person]) for source in sources.sources.values()]
    return replace(sources, people=people, sources={source.id: source for source in respelled})


def add_listed(manifest: CollectionManifest, channel: str, addresses: Sequence[tuple[str, str]]) -> None:
    """A channel was listed: its videos, (address, title), wait from now on."""
    with manifest.change() as db:
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


def unlisted(manifest: CollectionManifest, sources: Mapping[str, Source]) -> int:
    """How many videos of the manifest a list of sources names neither itself nor by a channel of its."""
    channels = {source.person for source in sources.values() if source.kind == "channel"}
    rows = manifest.ask("SELECT id, person FROM videos")
    return sum(identifier not in sources and person not in channels for identifier, person in rows)


def forget(manifest: CollectionManifest, name: str) -> int:
    """Remove all that is known of a person, and every byte of it from the file; how many videos there were.

    A list of sources that still names them finds them no more: what stays is a salted hash of the name.
    """
    salt = manifest.fact(SALT)
    if salt is None:
        salt = secrets.token_hex(16)
        manifest.note(SALT, salt)
    with manifest.change() as db:
        number = db.execute("SELECT count(*) FROM videos WHERE person = ?", (name,)).fetchone()[0]
        db.execute("DELETE FROM people WHERE name = ?", (name,))
        db.execute("INSERT OR IGNORE INTO forgotten VALUES (?)", (_salted(salt, normalise_name(name)),))
    manifest.compact()
    return int(number)


def _forgotten(manifest: CollectionManifest, names: Sequence[str]) -> set[str]:
    """Those who were forgotten; the manifest keeps no name of theirs, but a salted hash."""
    digests = {digest for (digest,) in manifest.ask("SELECT digest FROM forgotten")}
    salt = manifest.fact(SALT)
    if not digests:
        return set()
    return {name for name in names if any(_salted(salt, form) in digests for form in spellings_of(name))}


def _salted(salt: str, name: str) -> str:
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
        (source.id, source.person, source.kind, source.address, source.said,
         *((part.start_seconds, part.end_seconds) if part else (None, None)), *(centre or (None, None))),
    )  # fmt: skip
