"""SQL schema of a collection's manifest."""

VERSION = 1
TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE people (
    name TEXT PRIMARY KEY, consent TEXT NOT NULL, licence TEXT NOT NULL, sex TEXT NOT NULL, language TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE channels (
    id TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES people (name) ON DELETE CASCADE,
    address TEXT NOT NULL, last INTEGER NOT NULL, state TEXT NOT NULL, listed INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0, next_try REAL NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '', advice TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE videos (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE, person TEXT NOT NULL REFERENCES people (name) ON DELETE CASCADE,
    kind TEXT NOT NULL, address TEXT NOT NULL, source TEXT NOT NULL, title TEXT NOT NULL DEFAULT '',
    start_seconds REAL, end_seconds REAL, centre_x REAL, centre_y REAL,
    state TEXT NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0, next_try REAL NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '', advice TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '',
    duration_seconds REAL, speech_digest TEXT NOT NULL DEFAULT '', settings TEXT NOT NULL DEFAULT '',
    versions TEXT NOT NULL DEFAULT '', changed REAL NOT NULL DEFAULT 0,
    download_seconds REAL NOT NULL DEFAULT 0, examine_seconds REAL NOT NULL DEFAULT 0
);
CREATE INDEX videos_waiting ON videos (position) WHERE state = 'waiting';
CREATE INDEX videos_by_state ON videos (state);
CREATE INDEX videos_by_person ON videos (person);
CREATE INDEX videos_by_address ON videos (address);
CREATE INDEX videos_by_speech ON videos (speech_digest) WHERE speech_digest != '';
CREATE TABLE frames (
    video TEXT NOT NULL REFERENCES videos (id) ON DELETE CASCADE, number INTEGER NOT NULL,
    time_seconds REAL NOT NULL, "left" INTEGER, top INTEGER, side INTEGER, weight REAL,
    sharpness REAL, num_faces INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (video, number)
) WITHOUT ROWID;
CREATE TABLE clips (
    video TEXT NOT NULL, number INTEGER NOT NULL,
    start_seconds REAL NOT NULL, end_seconds REAL NOT NULL,
    PRIMARY KEY (video, number),
    FOREIGN KEY (video, number) REFERENCES frames (video, number) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE forgotten (digest TEXT PRIMARY KEY) WITHOUT ROWID;
"""
"""`state` of a video is one of

- "waiting": not collected yet, or to be tried again;
- "working": in work; reset to "waiting" after a crash;
- "done": examined, with clips;
- "nothing": examined, without clips;
- "set aside": failed for good; tried again with --retry.

`detail` of a video that is done names the repaired faults of its sound; it is empty if there are none. `number` of a
clip is the number of its frame: a clip is an accepted frame and the speech around it."""
