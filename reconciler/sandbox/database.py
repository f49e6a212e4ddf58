"""The SQLite file: its tables, and transactions that several processes may open at once."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_BUSY_SECONDS = 30.0
_VERSION = 1

_SCHEMA = """
CREATE TABLE pools (
    id TEXT PRIMARY KEY, position INTEGER NOT NULL, name TEXT NOT NULL,
    daily_capacity INTEGER NOT NULL, remaining INTEGER NOT NULL
);
CREATE TABLE accounts (
    id TEXT PRIMARY KEY, pool_id TEXT NOT NULL REFERENCES pools ON DELETE CASCADE, position INTEGER NOT NULL,
    email TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL
);
CREATE TABLE campaigns (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL, steps TEXT NOT NULL,
    created_at TEXT NOT NULL, started_at TEXT,
    starts INTEGER NOT NULL DEFAULT 0, resumes INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE leads (
    id INTEGER PRIMARY KEY, campaign_id TEXT NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    email TEXT NOT NULL, fields TEXT NOT NULL, times INTEGER NOT NULL, enrolled_at TEXT NOT NULL,
    step INTEGER, ended INTEGER NOT NULL DEFAULT 0,
    UNIQUE (campaign_id, email)
);
CREATE INDEX leads_email ON leads (email);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY, campaign_id TEXT NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    lead_id INTEGER NOT NULL REFERENCES leads ON DELETE CASCADE, step INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'cancelled')),
    queued_at TEXT NOT NULL, due_at TEXT NOT NULL,
    UNIQUE (campaign_id, lead_id, step)
);
CREATE INDEX messages_lead ON messages (lead_id);
CREATE TABLE counters (
    campaign_id TEXT NOT NULL REFERENCES campaigns ON DELETE CASCADE, name TEXT NOT NULL, delta INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, name)
);
CREATE TABLE suppressions (email TEXT PRIMARY KEY, added_at TEXT NOT NULL);
CREATE TABLE replies (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    campaign_id TEXT NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    email TEXT NOT NULL, classification TEXT NOT NULL, received_at TEXT NOT NULL, snippet TEXT NOT NULL
);
CREATE TABLE webhooks (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, url TEXT NOT NULL, events TEXT NOT NULL,
    status TEXT NOT NULL, created_at TEXT NOT NULL
);
CREATE TABLE idempotency (key TEXT PRIMARY KEY, digest TEXT NOT NULL, campaign TEXT NOT NULL);
CREATE TABLE buckets (key_digest TEXT PRIMARY KEY, tokens REAL NOT NULL, at REAL NOT NULL);
CREATE TABLE faults (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, action TEXT NOT NULL, nth INTEGER, times INTEGER,
    settings TEXT NOT NULL, seen INTEGER NOT NULL DEFAULT 0, fired INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE requests (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
    status INTEGER, carried_out INTEGER NOT NULL DEFAULT 0, time TEXT NOT NULL,
    idempotency_key TEXT, leads INTEGER
);
"""


class Database:
    """Opens a connection for each transaction or session, so threads and processes may share the file.

    Raises ``sqlite3.OperationalError`` where the file cannot be opened or stays locked for 30 seconds, and
    ``sqlite3.DatabaseError`` where it is no database of this version of the sandbox.
    """

    def __init__(self, path: Path, seed: Callable[[sqlite3.Connection], None]) -> None:
        """Create file and tables where they are missing, and let ``seed`` fill a fresh database once."""
        self.path = path
        self._open = threading.local()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._use_wal()
        with self.write() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise sqlite3.DatabaseError(f"{path} was written by another version of the sandbox")
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)
                seed(db)
                db.execute(f"PRAGMA user_version = {_VERSION}")

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA foreign_keys = ON")
        # Survives a killed process, which is all that made-up data needs; fsync would be most of the run time.
        db.execute("PRAGMA synchronous = OFF")
        return db

    def _use_wal(self) -> None:
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            db = self._connect()
            try:
                db.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                # Changing the journal mode does not wait for other connections as transactions do.
                if time.monotonic() > deadline:
                    raise
            else:
                return
            finally:
                db.close()
            time.sleep(0.01)

    @contextmanager
    def session(self) -> Iterator[None]:
        """Let all transactions of this thread share one connection; opening them is most of a short call's time."""
        db = self._connect()
        self._open.connection = db
        try:
            yield
        finally:
            self._open.connection = None
            db.close()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Hold one consistent view of the data."""
        with self._transaction("BEGIN") as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Hold the only writing transaction; an exception undoes all of it."""
        with self._transaction("BEGIN IMMEDIATE") as db:
            yield db

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        shared: sqlite3.Connection | None = getattr(self._open, "connection", None)
        db = shared or self._connect()
        try:
            db.execute(begin)
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
        finally:
            if db is not shared:
                db.close()
