"""A repository, a sandbox on a port, and the program between them."""

import csv
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

import yaml
from pydantic import SecretStr

from reconciler.model.plan import Action, Plan
from reconciler.model.report import ActionResult, Report
from reconciler.model.state import State
from reconciler.ports import EventSink
from reconciler.sandbox.app import create_app
from reconciler.sandbox.options import DEFAULT_OPTIONS, SandboxOptions
from reconciler.sandbox.server import RunningServer, serve
from reconciler.session import Session
from reconciler.settings import Settings
from reconciler.upkeep import create_state
from reconciler.wiring import Place
from support import ready

if TYPE_CHECKING:
    from reconciler.sandbox.engine import Sandbox

REPOSITORY = Path(__file__).resolve().parents[2]
STEPS = (
    {"subject": "Hello {{firstName}}", "bodyText": "Hi {{firstName}},\n\nfirst.", "delayDays": 0},
    {"subject": "Re: Hello {{firstName}}", "bodyText": "Hi {{firstName}},\n\nsecond.", "delayDays": 3},
)


class Recorder:
    """An `EventSink` that remembers."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def action_started(self, action: Action) -> None:
        self.events.append(("started", f"{action.campaign}:{action.kind.value}"))

    def action_finished(self, action: Action, result: ActionResult) -> None:
        self.events.append((result.outcome.value, f"{action.campaign}:{action.kind.value}"))

    def leads_enrolled(self, campaign: str, done: int, total: int) -> None:
        self.events.append(("enrolled", f"{campaign}:{done}/{total}"))


@dataclass
class World:
    """One workspace on disk and its server. `close` ends the server."""

    root: Path
    options: SandboxOptions = DEFAULT_OPTIONS
    environment: str | None = None
    specs: Path = field(init=False)

    def __post_init__(self) -> None:
        self.specs = self.root / "specs"
        (self.specs / "campaigns").mkdir(parents=True, exist_ok=True)
        (self.root / "lists").mkdir(exist_ok=True)
        self.app = create_app(self.root / "server.sqlite3", self.options)
        self.sandbox: Sandbox = self.app.extensions["sandbox"]
        self.server = self._serve()

    def _serve(self) -> RunningServer:
        return serve(self.app)

    def close(self) -> None:
        self.server.close()

    # What a person writes

    def campaign(self, key: str, **fields: Any) -> Path:
        """Write a campaign file: two steps and a list of its own, all to be reached today, unless told otherwise."""
        document = {
            "key": key,
            "name": f"Campaign {key}",
            "sequenceSteps": [dict(step) for step in STEPS],
            "leads": {"source": f"leads:{key}.csv"},
            **fields,
            "start": {"firstStepWithinDays": 1, **fields.get("start", {})},
        }
        path = self.specs / "campaigns" / f"{key}.yaml"
        path.write_text(yaml.safe_dump({name: value for name, value in document.items() if value is not None}))
        return path

    def leads(self, key: str, count: int = 3, *, rows: Iterable[Mapping[str, str]] | None = None) -> Path:
        """Write the list of a campaign: `count` people, or these rows."""
        rows = list(rows) if rows is not None else [person(key, number) for number in range(count)]
        path = self.root / "lists" / f"{key}.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["email", "firstName"])
            writer.writeheader()
            writer.writerows(rows)
        return path

    def workspace(self, **fields: Any) -> None:
        (self.specs / "workspace.yaml").write_text(yaml.safe_dump(fields))

    # What the program does

    @property
    def place(self) -> Place:
        return Place(self.specs, self.environment, sandbox=False)

    @property
    def settings(self) -> Settings:
        return Settings(
            api_key=SecretStr(self.options.key), base_url=self.server.url, leads_dir=self.root / "lists", no_color=True
        )

    def session(self, cancelled: threading.Event | None = None) -> Session:
        session = Session(self.place, self.settings, cancelled)
        if not (self.place.folder / "state.json").exists():
            create_state(session, by="test")
            session = Session(self.place, self.settings, cancelled)
        return session

    def plan(self, **options: Any) -> Plan:
        return self.session().plan(**options).plan

    def apply(
        self,
        *targets: str,
        meanwhile: Callable[[], object] = lambda: None,
        sink: EventSink | None = None,
        cancelled: threading.Event | None = None,
    ) -> Report:
        """Apply; `meanwhile` is done between the plan and the first call."""

        def approve(_plan: Plan) -> bool:
            meanwhile()
            return True

        _, report = self.session(cancelled).apply(
            targets=targets, approve=approve, sink=sink or Recorder(), owner="test"
        )
        assert report is not None
        return report

    def state(self) -> State:
        return self.session().store.read()

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a subprocess: nothing of this one but what Python and coverage need."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(("COV", "PATH", "LANG"))}
        return {
            **kept,
            "HOME": str(self.root),
            "LEADTERRA_API_KEY": self.options.key,
            "LEADTERRA_BASE_URL": self.server.url,
            "RECONCILER_LEADS_DIR": str(self.root / "lists"),
            "TMPDIR": str(self.root),
        }

    def cli(self, *arguments: str, env: Mapping[str, str | None] = {}, stdin: str | None = None) -> "Ended":
        """Run the command in a process of its own, in the workspace's root."""
        environ = {name: value for name, value in {**self.environ, **env}.items() if value is not None}
        with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
            given.write((stdin or "").encode())
            given.seek(0)
            streams = [file.fileno() for file in (given, out, err)]
            code = ready.start(arguments, cwd=self.root, environ=environ, streams=streams).wait(60)
            return Ended(code, _text_of(out), _text_of(err))

    # What the server has

    def remote(self, name: str) -> Any:
        """Return the one campaign of this name on the server."""
        (found,) = [item for item in self.sandbox.campaigns() if item.name == name]
        return found

    def kinds(self) -> list[str]:
        """Return the kinds of all requests so far."""
        return [request.kind for request in self.sandbox.requests()]

    def writes(self) -> list[str]:
        """Return the requests that were not GET."""
        return [request.kind for request in self.sandbox.requests() if request.method != "GET"]


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


def _text_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n").replace("\r", "\n")


def person(key: str, number: int) -> dict[str, str]:
    """Make a row of a list; nobody is on two lists."""
    return {"email": f"{key}.{number:05d}@example.com", "firstName": f"Name{number}", "company": f"Company {number}"}


def outcomes(report: Report) -> list[tuple[str, str, str]]:
    """Return campaign, kind and outcome of every line of a report."""
    return [(item.campaign, item.kind.value, item.outcome.value) for item in report.results]


def actions(plan: Plan) -> list[tuple[str, str, str]]:
    """Return campaign, kind and status of every action."""
    return [(item.campaign, item.kind.value, item.status.value) for item in plan.actions]
