"""A process that dies at a chosen moment, without a process: from then on it neither writes nor calls.

What it leaves is what a killed one leaves: the folder of the state, the server, and a lease that nobody gave back but
whose holder the operating system knows to be dead.
"""

import threading
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Self

import httpx

from reconciler import wiring
from reconciler.execution import stopping
from reconciler.leadterra.client import LeadterraClient
from reconciler.model.journal import Record
from reconciler.model.report import Report
from reconciler.ports import Lease, StateStore
from reconciler.session import Session
from reconciler.upkeep import create_state
from support.world import Recorder, World


class Killed(BaseException):
    """SIGKILL, as far as one process can be made to feel it: no handler of errors catches it."""


class Moment(StrEnum):
    """The four moments of a request (issue 3, "Recovery")."""

    BEFORE_INTENT = "before the intent is durable"
    BEFORE_REQUEST = "after the intent and before the request"
    ACTED = "after the server acted"
    BEFORE_OUTCOME = "after the answer and before the outcome is durable"


class Place(StrEnum):
    """Where a boundary is: on either side of a record, or of a request that changes something."""

    RECORD = "before a record"
    RECORDED = "after a record"
    REQUEST = "before a request"
    ANSWERED = "after the server acted"


def kind_of(request: httpx.Request) -> str | None:
    """Name a request that changes something: `start` also for a resume."""
    path = request.url.path
    if request.method == "GET":
        return None
    if request.method == "PATCH":
        return "update"
    return {"bulk": "enroll", "start": "start", "pause": "pause", "campaigns": "create"}[path.rsplit("/", 1)[-1]]


def intents_of(record: Record) -> list[str]:
    """Name what a record opens intents for, as the requests are named; `forget` has a record and no request."""
    opened = [intent.kind for intent in record.delta.operations.values() if intent is not None]
    buried = [key for key, entry in record.delta.tombstones.items() if entry is not None]
    return ["start" if kind == "resume" else kind for kind in opened] + ["forget"] * len(buried)


class Fate:
    """Whether and where a session dies: at a moment of the nth request of a kind, or at its nth boundary of any kind.

    Without either it lives, and `passed` holds the boundaries it came by. To forget needs no request: its record is
    the moment, and the outcome is durable with it.
    """

    def __init__(
        self, moment: Moment | None = None, kind: str = "", nth: int = 1, *, boundary: int | None = None
    ) -> None:
        self._moment, self._kind, self._nth, self._boundary = moment, kind, nth, boundary
        self._lock = threading.Lock()
        self._intents = self._requests = 0
        self._due = False
        self.passed: list[tuple[Place, str]] = []
        self.dead = False

    def alive(self) -> None:
        """Raise `Killed` for everything that comes after the death."""
        if self.dead:
            raise Killed

    def record(self, record: Record) -> None:
        """Stand before a record."""
        kinds = intents_of(record)
        with self._lock:
            due = self._due
            if self._kind in kinds:
                self._intents += 1
                due |= self._moment is Moment.BEFORE_INTENT and self._intents == self._nth
            self._pass(Place.RECORD, ",".join(kinds), due=due)

    def recorded(self, record: Record) -> None:
        """Stand behind a record."""
        kinds = intents_of(record)
        with self._lock:
            due = self._kind == "forget" and "forget" in kinds and self._moment is Moment.ACTED
            self._pass(Place.RECORDED, ",".join(kinds), due=due)

    def request(self, kind: str) -> bool:
        """Stand before a request, and tell whether it is the one that was chosen."""
        with self._lock:
            if kind == self._kind:
                self._requests += 1
            mine = kind == self._kind and self._requests == self._nth
            self._pass(Place.REQUEST, kind, due=mine and self._moment is Moment.BEFORE_REQUEST)
            return mine

    def answered(self, kind: str, *, mine: bool) -> None:
        """Stand between the server's act and its answer."""
        with self._lock:
            self._due |= mine and self._moment is Moment.BEFORE_OUTCOME
            self._pass(Place.ANSWERED, kind, due=mine and self._moment is Moment.ACTED)

    def _pass(self, place: Place, what: str, *, due: bool) -> None:
        self.alive()
        self.passed.append((place, what))
        if due or len(self.passed) == self._boundary:
            self.dead = True
            raise Killed


class MortalStore:
    """A store that dies with its session. A `StateStore`."""

    def __init__(self, store: StateStore, fate: Fate) -> None:
        self._store, self._fate = store, fate

    def __getattr__(self, name: str) -> Any:
        self._fate.alive()
        return getattr(self._store, name)

    def append(self, record: Record, *, fence: int | None) -> None:
        self._fate.record(record)
        self._store.append(record, fence=fence)
        self._fate.recorded(record)

    def lease(self, **options: Any) -> "MortalLease":
        self._fate.alive()
        return MortalLease(self._store.lease(**options), self._fate)


class MortalLease:
    """A lease that a dead holder does not give back; only the lock of the operating system goes with it."""

    def __init__(self, lease: Any, fate: Fate) -> None:
        self._lease, self._fate = lease, fate

    @property
    def fence(self) -> int:
        return int(self._lease.fence)

    def __enter__(self) -> Self:
        self._lease.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        if not self._fate.dead:
            self._lease.__exit__(*details)
            return
        self._lease._over.set()
        self._lease._thread.join()
        self._lease._register._alive._mine.release()

    def check(self, seconds: float) -> None:
        self._fate.alive()
        self._lease.check(seconds)


class Line(httpx.BaseTransport):
    """The way to a server in the same process. `forgetful`: what is there does not know `Idempotency-Key`."""

    def __init__(self, app: Any, fate: Fate, *, forgetful: bool) -> None:
        self._inner, self._fate, self._forgetful = httpx.WSGITransport(app), fate, forgetful

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._fate.alive()
        kind = kind_of(request)
        mine = kind is not None and self._fate.request(kind)
        if self._forgetful:
            request.headers.pop("Idempotency-Key", None)
        try:
            response = self._inner.handle_request(request)
            response.read()
        except ConnectionResetError as cut:
            raise httpx.ReadError("cut", request=request) from cut
        if kind is not None:
            self._fate.answered(kind, mine=mine)
        return response


class MortalSession(Session):
    """A session with a fate of its own, on a line to a server in the same process."""

    def __init__(self, world: "MortalWorld", fate: Fate, cancelled: threading.Event | None = None) -> None:
        super().__init__(world.place, world.settings, cancelled)
        self._world, self._fate = world, fate

    @cached_property
    def store(self) -> StateStore:
        return MortalStore(wiring.open_store(self.place, self.settings), self._fate)  # type: ignore[return-value]

    def open_api(self, *, allow_writes: bool) -> LeadterraClient:
        return self._client(allow_writes=allow_writes)

    def api_for(self, *, allow_writes: bool, desired: object, lease: Lease | None = None) -> LeadterraClient:
        return self._client(allow_writes=allow_writes, may_send=None if lease is None else lease.check)

    def _client(self, **options: Any) -> LeadterraClient:
        line = Line(self._world.app, self._fate, forgetful=self._world.forgetful)
        key = self._world.options.key
        return LeadterraClient(self._world.settings.base_url, key, transport=line, cancelled=self.cancelled, **options)


class NoServer:
    """In place of a server: nobody listens, since sessions in this process need no port."""

    url = "http://127.0.0.1:9/v1"

    def close(self) -> None:
        pass


@dataclass
class MortalWorld(World):
    """A world whose sessions can be made to die. It has a port only where processes are to reach it, too.

    `forgetful`: its server does not know `Idempotency-Key`.
    """

    forgetful: bool = False
    port: bool = False

    def _serve(self) -> Any:
        return super()._serve() if self.port else NoServer()

    def session(self, cancelled: threading.Event | None = None, fate: Fate | None = None) -> MortalSession:
        session = MortalSession(self, fate or Fate(), cancelled)
        if not (self.place.folder / "state.json").exists():
            create_state(session, by="test")
            session = MortalSession(self, fate or Fate(), cancelled)
        return session

    def dies(self, moment: Moment, kind: str, nth: int = 1, *, target: str | None = None) -> None:
        """Apply, and die at this moment of the nth request of this kind."""
        targets = () if target is None else (target,)
        assert self.applied(Fate(moment, kind, nth), *targets) is None, f"no {kind} came to: {moment}"

    def applied(self, fate: Fate, *targets: str) -> Report | None:
        """Apply under a fate; None where it died."""
        try:
            return self.session(fate=fate).apply(
                targets=targets, approve=lambda _plan: True, sink=Recorder(), owner="ada@laptop, process 1"
            )[1]
        except Killed:
            return None

    def stop_dies(self, boundary: int, *keys: str) -> None:
        """Stop, and die at this boundary."""
        session = self.session(fate=Fate(boundary=boundary))
        scopes = keys or (stopping.EVERYTHING,)
        try:
            state = stopping.mark(session.store, scopes, reason="wrong price", by="ada@host", at=wiring.now())
            with session.open_api(allow_writes=True) as api:
                chosen = stopping.targets(state, scopes)
                stopping.pause_all(session.store, api, chosen, lambda _words: None, by="ada@host", clock=wiring.now)
        except Killed:
            return
        raise AssertionError("the stop came to its end")
