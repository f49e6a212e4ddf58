"""A workspace whose commands go to the embedded sandbox, on days that come when they are told to."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reconciler.model.state import State
from reconciler.sandbox.engine import Sandbox
from reconciler.sandbox.records import AccountStatus, PoolSpec
from reconciler.session import Session
from reconciler.wiring import Place
from support.killing import NoServer
from support.world import Ended, World

APPROVED = ("--approved-only",)


@dataclass
class Daily(World):
    """Commands run in processes of their own, with `--sandbox`; `sandbox` is the one that they use."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.sandbox = Sandbox(self.place.sandbox_database)
        self.pools(1_000)

    def _serve(self) -> Any:
        return NoServer()

    @property
    def place(self) -> Place:
        return Place(self.specs, None, sandbox=True)

    def state(self) -> State:
        return Session(self.place, self.settings).read_state()

    # What a person does

    def wanted(self, key: str, leads: int, **fields: Any) -> None:
        """Write a campaign that is to run, and its list."""
        self.leads(key, leads)
        self.campaign(key, status="running", **fields)

    def run(self, *arguments: str, expect: int | None = 0) -> Ended:
        """Run a command on the sandbox; it must end with this code."""
        ended = self.cli(*arguments, "--sandbox")
        assert "Traceback" not in ended.text
        assert expect is None or ended.code == expect, f"{arguments} ended with {ended.code}\n{ended.text}"
        return ended

    def apply(self, *arguments: str, expect: int | None = 0) -> str:  # type: ignore[override]
        """Apply as a pipeline does it, and return what was said, on one line."""
        return words(self.run("apply", *(arguments or ("--auto-approve",)), expect=expect))

    def told(self, *arguments: str, expect: int | None = 0) -> Any:
        """Run a command that answers in JSON."""
        return json.loads(self.run(*arguments, "--format", "json", expect=expect).out)

    def unchanged(self) -> None:
        """Check that nothing is left to do."""
        self.run("plan", "--detailed-exitcode", expect=0)

    def later(self, length: str = "+1d") -> str:
        """Move the clock of the sandbox on; it sends what falls due."""
        ended = self.cli("sandbox", "clock", length)
        assert ended.code == 0, ended.text
        return ended.out

    # What is there

    def pools(self, daily: int, left: int | None = None, *accounts: AccountStatus) -> None:
        """Give the workspace one pool."""
        self.sandbox.set_pools([PoolSpec("Pool", daily, daily if left is None else left, accounts or ("active",))])

    def count(self, key: str) -> tuple[str, int, int]:
        """Return status, leads and sent emails of a campaign."""
        campaign, stats = self.sandbox.stats(self.remote(f"Campaign {key}").id)
        return campaign.status, stats.total_enrolled, stats.sent

    def policy(self, **policy: Any) -> None:
        """Write a policy. Its time zone is one where it is noon: no day ends while a test runs."""
        self.workspace(policy={"timezone": self.zone, **policy})

    @property
    def zone(self) -> str:
        east = 12 - self.sandbox.now().hour
        return f"Etc/GMT{-east:+d}"

    def local(self, ahead: timedelta = timedelta()) -> datetime:
        """Return the time of the sandbox, or what it will be, in that zone, without it."""
        now = self.sandbox.now()
        return (now + timedelta(hours=12 - now.hour) + ahead).replace(tzinfo=None)


def words(ended: Ended) -> str:
    """Return all that a command said, on one line."""
    return " ".join(ended.text.split())


def rows(forecast: Mapping[str, Any]) -> list[tuple[int, int, int, int]]:
    """Return capacity, due, sent and rolled over of each day of a forecast."""
    return [(day["capacity"], day["due"], day["sent"], day["rolledOver"]) for day in forecast["forecast"]]
