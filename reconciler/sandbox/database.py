"""The SQLite file: its tables, and transactions that several processes may open at once."""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_BUSY_SECONDS = 30.0
_VERSION = 2

_SCHEMA = """
CREATE TABLE clock (
    id INTEGER PRIMARY KEY CHECK (id = 1), moved INTEGER NOT NULL, settled INTEGER NOT NULL
);
CREATE TABLE pools (
    id TEXT PRIMARY KEY, position INTEGER NOT NULL, name TEXT NOT NULL,
    daily_capacity INTEGER NOT NULL, turn INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE usage (
    pool_id TEXT NOT NULL REFERENCES pools ON DELETE CASCADE, at INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (pool_id, at)
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
    queued_at INTEGER NOT NULL, due_at INTEGER NOT NULL, sent_at INTEGER,
    pool_id TEXT, sender TEXT, mail TEXT CHECK (mail IN ('accepted', 'refused')),
    UNIQUE (campaign_id, lead_id, step)
);
CREATE INDEX messages_lead ON messages (lead_id);
CREATE INDEX messages_state ON messages (campaign_id, state, due_at);
CREATE INDEX messages_due ON messages (due_at, id) WHERE state = 'queued';
CREATE INDEX messages_mail ON messages (sent_at, id) WHERE state = 'sent' AND mail IS NULL;
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
CREATE TABLE hook_calls (
    id INTEGER PRIMARY KEY, webhook_id TEXT NOT NULL, body TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL DEFAULT 0, outcome TEXT CHECK (outcome IN ('delivered', 'failed'))
);
CREATE INDEX hook_calls_open ON hook_calls (webhook_id, id) WHERE outcome IS NULL;
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
    """Lends a connection to each transaction, so threads and processes may share the file.

    Connections are kept for later transactions: opening one takes longer than most of them. Raises
    ``sqlite3.OperationalError`` where the file cannot be opened or stays locked for 30 seconds, and
    ``sqlite3.DatabaseError`` where it is no database of this version of the sandbox.
    """

    def __init__(self, path: Path, seed: Callable[[sqlite3.Connection], None]) -> None:
        """Create file and tables where they are missing, and let ``seed`` fill a fresh database once."""
        self.path = path
        self._here = threading.local()
        self._idle: list[sqlite3.Connection] = []
        # Threads wait for each other here: SQLite would have them sleep and look again.
        self._writing = threading.Lock()
        weakref.finalize(self, _close_all, self._idle)
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
        # One thread at a time has it, but not always the same one.
        db = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA foreign_keys = ON")
            # Survives a killed process, which is all that made-up data needs; fsync would be most of the run time.
            db.execute("PRAGMA synchronous = OFF")
        except BaseException:
            db.close()
            raise
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
    def read(self) -> Iterator[sqlite3.Connection]:
        """Hold one consistent view of the data: that of the writing transaction around it, where there is one."""
        around = self._around()
        if around is not None:
            yield around
            return
        with self._transaction("BEGIN") as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Hold the only writing transaction; an exception undoes all of it.

        Inside another one of the same thread it is a part of that: what has been done is kept when that one ends
        well, and an exception undoes this part alone.
        """
        around = self._around()
        if around is not None:
            with _part(around):
                yield around
            return
        with self._writing, self._transaction("BEGIN IMMEDIATE") as db:
            self._here.writing = db
            try:
                yield db
            finally:
                self._here.writing = None

    def _around(self) -> sqlite3.Connection | None:
        around: sqlite3.Connection | None = getattr(self._here, "writing", None)
        return around

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            db = self._idle.pop()
        except IndexError:
            db = self._connect()
        try:
            db.execute(begin)
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
        finally:
            if db.in_transaction:  # it could neither be ended nor undone
                db.close()
            else:
                self._idle.append(db)


@contextmanager
def _part(db: sqlite3.Connection) -> Iterator[None]:
    """Undo what is done inside where it raises, and nothing else of the transaction."""
    db.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK TO part")
        raise
    finally:
        db.execute("RELEASE part")


def _close_all(connections: list[sqlite3.Connection]) -> None:
    while connections:
        connections.pop().close()
