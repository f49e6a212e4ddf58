"""Where the adapters are chosen and put together; nothing else knows which ones there are."""

import functools
import hashlib
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import distribution, version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from reconciler.diagnostics import ReconcilerError, StateError, error
from reconciler.leads.ledger import ledger_key_id, new_ledger_key
from reconciler.leads.roster import LeadLists
from reconciler.leadterra.address import check_base_url, key_kind
from reconciler.loading.lineage import Kept, read_kept
from reconciler.model.state import State
from reconciler.model.workspace import DEFAULT_ENVIRONMENT, ENVIRONMENT_PATTERN, RESERVED_ENVIRONMENTS
from reconciler.ports import CampaignApi, StateStore
from reconciler.settings import Settings
from reconciler.store.gitnames import default_ref, environment_ref, find_remote, is_ref_name, is_remote_name
from reconciler.store.local import TIMES, LocalStore

if TYPE_CHECKING:
    from flask import Flask

    from reconciler.sandbox.engine import Sandbox
    from reconciler.sandbox.options import SandboxOptions

SANDBOX_URL = "http://localhost/v1"
SANDBOX_KEY = "sk_test_sandbox"
SANDBOX = "sandbox"
_ON_GITHUB = re.compile(r"github\.com[/:]([A-Za-z0-9-]+/[A-Za-z0-9._-]+?)(?:\.git)?/?$")


class OpenApi(CampaignApi, Protocol):
    """A client that holds connections until it is closed."""

    def __enter__(self) -> Self:
        """Give the client."""
        ...

    def __exit__(self, *details: object) -> None:
        """Close its connections."""
        ...


@functools.cache
def program_version() -> str:
    """Return the version of the installed program."""
    return version("campaign-reconciler")


def workflows_source() -> str:
    """Return where the workflows that belong to this program are, as `OWNER/REPOSITORY@REF`.

    A program that was installed from a commit names that (PEP 610), another one the tag of its version.
    """
    installed = distribution("campaign-reconciler")
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    commit = origin.get("vcs_info", {}).get("commit_id")
    if commit is not None and (found := _ON_GITHUB.search(origin["url"])):
        return f"{found[1]}@{commit}"
    urls = installed.metadata.get_all("Project-URL") or ()
    source = next(match[1] for url in urls if (match := _ON_GITHUB.search(url)))
    return f"{source}@v{installed.version}"


def tool_name() -> str:
    """Return what plans name as their maker."""
    return f"reconciler {program_version()}"


def now() -> datetime:
    """Return the time, in UTC; what a run goes by is the `clock` of its place."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one workspace's files are, and which server it talks to: `specs` decides, and `sandbox` stands apart."""

    specs: Path
    environment: str | None
    sandbox: bool

    @property
    def folder(self) -> Path:
        """The folder of the local state: `.reconciler/<environment>/` beside `specs/` (design §6)."""
        name = SANDBOX if self.sandbox else self.environment or DEFAULT_ENVIRONMENT
        return self.specs.resolve().parent / ".reconciler" / name

    @property
    def sandbox_database(self) -> Path:
        """The file of the sandbox, embedded or served."""
        return Place(self.specs, None, sandbox=True).folder / "sandbox.sqlite3"

    @property
    def workspace(self) -> Path:
        """The file of what holds for every campaign."""
        return self.specs / "workspace.yaml"

    @property
    def environment_name(self) -> str:
        """The environment as the state has it."""
        return SANDBOX if self.sandbox else self.environment or DEFAULT_ENVIRONMENT


def open_store(place: Place, settings: Settings, kept: Kept | None = None) -> StateStore:
    """Return the store of this place, not read yet. `kept` is where it is kept; by default workspace.yaml says.

    Raises `ReconcilerError` for what is no environment's name, and `StateError` (`state-local-in-ci`) where a pipeline
    would keep the state in a folder that goes away with it.
    """
    name = place.environment
    if name is not None and (name in RESERVED_ENVIRONMENTS or not re.fullmatch(ENVIRONMENT_PATTERN, name)):
        raise ReconcilerError(
            error(
                "environment",
                f"`{name}` cannot be chosen with --env",
                hint="leave --env out for what holds everywhere; --sandbox chooses the sandbox. Names of environments "
                "have letters, digits, `.`, `_` and `-`",
            )
        )
    if place.sandbox:
        # It ends with the process that asks it: nothing is under way any more when another one begins.
        return LocalStore(place.folder, times=TIMES._replace(longest_request=0.0))
    kept = kept or read_kept(place.workspace)
    if kept.state.backend == "git":
        from reconciler.store.git import GitStore

        token = settings.git_token.get_secret_value() if settings.git_token else None
        return GitStore(_existing(place.specs), remote=kept.state.remote, ref=_ref(place, kept), token=token)
    if settings.ci:
        raise StateError(
            error(
                "state-local-in-ci",
                "CI is set, and the state would be kept in a folder of this machine, which goes away with the pipeline",
                hint="keep it in git: `state: {backend: git}` in workspace.yaml, made once by `reconciler init` or "
                "`reconciler state init`. --sandbox needs no state",
            )
        )
    return LocalStore(place.folder)


def choose_backend(place: Place, wanted: str | None) -> Kept:
    """Choose where a new state is to be kept: where workspace.yaml says, else in git where the clone has a remote.

    Raises `ReconcilerError` where `wanted` is not what the file says, or there is no remote for it.
    """
    kept = read_kept(place.workspace)
    if kept.settled:
        if wanted is not None and wanted != kept.state.backend:
            words = f"the state of this workspace is kept with `backend: {kept.state.backend}`; nothing was made"
            raise ReconcilerError(error("backend", words, hint="leave --backend out, or change workspace.yaml"))
        return kept
    remote = None if wanted == "local" or place.sandbox else find_remote(_existing(place.specs), kept.state.remote)
    if remote is not None:
        return kept._replace(state=kept.state.model_copy(update={"backend": "git", "remote": remote}))
    if wanted == "git":
        words = f"no remote `{kept.state.remote}` was found in a git repository around {place.specs}; nothing was made"
        raise ReconcilerError(error("backend", words, hint="`git remote add origin …` first, or --backend local"))
    return kept


def where(place: Place, kept: Kept) -> str:
    """Say in words where the state is kept."""
    return (
        f"{_ref(place, kept)} of the remote {kept.state.remote}" if kept.state.backend == "git" else str(place.folder)
    )


def _ref(place: Place, kept: Kept) -> str:
    ref = kept.state.ref or default_ref(kept.workspace)
    if not (is_ref_name(ref) and is_remote_name(kept.state.remote)):
        words = "`state.ref` or `state.remote` in workspace.yaml is no name that git allows"
        raise StateError(error("state-ref", words, hint="name them like `refs/reconciler/production` and `origin`"))
    return environment_ref(ref, place.environment)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder.resolve(), *folder.resolve().parents) if path.is_dir())


def new_state(place: Place, settings: Settings, lineage: str | None = None) -> State:
    """Make the first state of a place, with a ledger key of its own unless the environment gives one."""
    given = None if place.sandbox else _given_ledger_key(settings)
    key = given or new_ledger_key()
    return State(
        lineage=lineage or str(uuid.uuid4()),
        environment=place.environment_name,
        ledger_key=None if given else key.hex(),
        ledger_key_id=ledger_key_id(key),
    )


def ledger_key(state: State, settings: Settings) -> bytes:
    """Return the key of the address hashes; another key than the state was made with is refused.

    With another key every person would look new: raises `StateError`. The sandbox has a key of its own, whatever the
    environment says.
    """
    given = None if state.environment == SANDBOX else _given_ledger_key(settings)
    key = bytes.fromhex(state.ledger_key) if state.ledger_key else given
    if state.ledger_key and given is not None and given != key:
        raise StateError(
            error(
                "ledger-key",
                "RECONCILER_LEDGER_KEY is set, and this state was made with a key of its own",
                hint="unset it; the state has its own key",
            )
        )
    if key is None:
        raise StateError(
            error(
                "ledger-key",
                "this state was made with a ledger key from RECONCILER_LEDGER_KEY, and that is not set",
                hint="set it to the same value; without it nobody can tell who was written to",
            )
        )
    if ledger_key_id(key) != state.ledger_key_id:
        raise StateError(
            error(
                "ledger-key",
                "RECONCILER_LEDGER_KEY is not the key this state was made with",
                hint="set it to the same value; with another one everybody would look new",
            )
        )
    return key


def _given_ledger_key(settings: Settings) -> bytes | None:
    """Derive the key from the environment's text, whatever its form: SHA-256 makes 32 bytes of it."""
    if settings.ledger_key is None:
        return None
    return hashlib.sha256(settings.ledger_key.get_secret_value().encode()).digest()


def open_leads(place: Place, key: bytes, blob: Callable[[str], bytes], root: Path) -> LeadLists:
    """Return the source of lists; what they came to is kept beside the local state."""
    return LeadLists(ledger_key=key, blob=blob, root=root, cache=place.folder / "cache" / "lists")


def server_address(place: Place, settings: Settings) -> tuple[str, str]:
    """Return the address of the API and the kind of key, for the binding of the state."""
    if place.sandbox:
        return SANDBOX_URL, key_kind(SANDBOX_KEY)
    return check_base_url(settings.base_url), key_kind(_api_key(settings))


def open_api(
    place: Place,
    settings: Settings,
    *,
    allow_writes: bool,
    requests_per_second: float | None = None,
    cancelled: threading.Event | None = None,
    told: Callable[[str], None] | None = None,
    may_send: Callable[[float], None] | None = None,
) -> OpenApi:
    """Open the client. With `allow_writes` false it refuses to send anything but GET.

    `may_send` is asked before every request, with the seconds it may take; it raises where it must not leave.
    """
    from reconciler.leadterra.client import LeadterraClient

    transport = None
    base_url, key = SANDBOX_URL, SANDBOX_KEY
    if place.sandbox:
        import httpx

        transport = httpx.WSGITransport(sandbox_app(place.sandbox_database))
    else:
        base_url, key = check_base_url(settings.base_url), _api_key(settings)
    client: OpenApi = LeadterraClient(
        base_url,
        key,
        allow_writes=allow_writes,
        requests_per_second=requests_per_second,
        transport=transport,
        cancelled=cancelled,
        told=told,
        may_send=may_send,
    )
    return client


def sandbox_app(database: Path, options: "SandboxOptions | None" = None) -> "Flask":
    """Make the emulator on a database file; raises `ReconcilerError` where that is not possible."""
    try:
        from reconciler.sandbox.app import create_app
        from reconciler.sandbox.options import DEFAULT_OPTIONS
    except ModuleNotFoundError as missing:
        raise ReconcilerError(
            error(
                "sandbox-extra",
                f"the sandbox needs {missing.name}, which is not installed",
                hint="pip install 'campaign-reconciler[sandbox]'",
            )
        ) from missing
    with _usable(database):
        return create_app(database, options or DEFAULT_OPTIONS, now)


def open_sandbox(database: Path, options: "SandboxOptions | None" = None) -> "Sandbox":
    """Open the emulator's database without the emulator; raises `ReconcilerError` where that is not possible."""
    from reconciler.sandbox.engine import Sandbox
    from reconciler.sandbox.options import DEFAULT_OPTIONS

    with _usable(database):
        return Sandbox(database, options or DEFAULT_OPTIONS, now)


def clock(place: Place) -> Callable[[], datetime]:
    """Return what tells the time at a place: in the sandbox, its own clock, which `sandbox clock` moves on."""
    return open_sandbox(place.sandbox_database).now if place.sandbox else now


@contextmanager
def _usable(database: Path) -> Iterator[None]:
    import sqlite3

    database.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except sqlite3.DatabaseError as problem:
        words = f"{database} cannot be used as the sandbox's database: {problem}"
        hint = "choose another file, or remove its folder and start afresh: that holds nothing but the sandbox's data"
        raise ReconcilerError(error("sandbox-database", words, hint=hint)) from problem


def _api_key(settings: Settings) -> str:
    if settings.api_key is None:
        raise ReconcilerError(
            error(
                "no-api-key",
                "LEADTERRA_API_KEY is not set, so Leadterra cannot be asked",
                hint="export LEADTERRA_API_KEY=…, or try it with --sandbox; `plan --no-refresh` needs no key",
            )
        )
    return settings.api_key.get_secret_value()
