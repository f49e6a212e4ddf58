"""Whatever happens in whatever order: the sandbox sends as a model does that looks at one message at a time."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import given
from support.examples import examples

from reconciler.sandbox.engine import Sandbox
from reconciler.sandbox.records import PoolSpec

MORNING = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ADDRESSES = [f"{name}@example.com" for name in ("a", "b", "c", "d", "bounce1", "e", "bounce2", "f")]


@dataclass
class Mail:
    campaign: int
    email: str
    step: int
    due: int
    state: str = "queued"
    sent: int | None = None


@dataclass
class Model:
    """The rules of the sandbox, hour by hour, with nothing done in bulk."""

    delays: list[list[int]]
    now: int = 0
    status: list[str] = field(default_factory=list)
    leads: list[list[str]] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    ended: set[tuple[int, str]] = field(default_factory=set)
    pools: list[tuple[int, int, str]] = field(default_factory=list)
    since: int = 0
    through: list[tuple[int, int]] = field(default_factory=list)

    def room(self, pool: int) -> int:
        capacity, remaining, _ = self.pools[pool]
        used = sum(1 for index, at in self.through if index == pool and self.now - 24 < at <= self.now)
        seeded = capacity - remaining if self.now - 24 < self.since else 0
        return max(0, capacity - used - seeded)

    def send(self) -> None:
        """Send what can be sent at this very hour."""
        while any("active" in statuses for _, _, statuses in self.pools):
            pool = next((index for index in range(len(self.pools)) if self.room(index)), None)
            ready = [
                (mail.due, number)
                for number, mail in enumerate(self.mails)
                if mail.state == "queued" and mail.due <= self.now and self.status[mail.campaign] == "running"
            ]
            if pool is None or not ready:
                return
            mail = self.mails[min(ready)[1]]
            mail.state, mail.sent = "sent", self.now
            self.through.append((pool, self.now))
            delays = self.delays[mail.campaign]
            if mail.email.startswith("bounce"):
                self.suppress(mail.email)
                self.ended.add((mail.campaign, mail.email))
            elif mail.step + 1 < len(delays):
                due = self.now + 24 * delays[mail.step + 1]
                self.mails.append(Mail(mail.campaign, mail.email, mail.step + 1, due))

    def wait(self, hours: int) -> None:
        self.send()
        for _ in range(hours):
            self.now += 1
            self.send()

    def suppress(self, email: str) -> None:
        self.gone.add(email)
        self.cancel(lambda mail: mail.email == email)

    def reply(self, campaign: int, email: str) -> None:
        self.ended.add((campaign, email))
        self.cancel(lambda mail: (mail.campaign, mail.email) == (campaign, email))

    def cancel(self, which: object) -> None:
        for mail in self.mails:
            if mail.state == "queued" and which(mail):  # type: ignore[operator]  # a predicate
                mail.state = "cancelled"

    def queue(self, campaign: int) -> None:
        known = {mail.email for mail in self.mails if mail.campaign == campaign}
        for email in self.leads[campaign]:
            if email not in known | self.gone and (campaign, email) not in self.ended:
                self.mails.append(Mail(campaign, email, 0, self.now + 24 * self.delays[campaign][0]))


_pools = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5), st.sampled_from(["active", "warming", "active active", "paused"])),
    min_size=1,
    max_size=3,
)
_number = st.integers(0, 1)
_act = st.one_of(
    st.tuples(st.just("wait"), st.integers(0, 60)),
    st.tuples(st.just("wait"), st.sampled_from([1, 23, 24, 25, 72])),
    st.tuples(st.just("enrol"), _number, st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=4)),
    st.tuples(st.just("start"), _number),
    st.tuples(st.just("pause"), _number),
    st.tuples(st.just("pools"), _pools),
    st.tuples(st.just("suppress"), st.sampled_from(ADDRESSES)),
    st.tuples(st.just("reply"), _number, st.sampled_from(ADDRESSES)),
)


class Both:
    """The sandbox and the model, to which the same is done."""

    def __init__(self, sandbox: Sandbox, delays: list[list[int]]) -> None:
        self.sandbox = sandbox
        self.model = Model(delays, status=["draft"] * len(delays), leads=[[] for _ in delays])
        self.ids = [
            sandbox.create(
                {
                    "name": "N",
                    "sequenceSteps": [{"subject": "S", "bodyHtml": "B", "delayDays": days} for days in campaign],
                }
            ).id
            for campaign in delays
        ]

    def wait(self, hours: int) -> None:
        self.sandbox.advance(hours * HOUR)
        self.model.wait(hours)

    def enrol(self, number: int, emails: list[str]) -> None:
        self.sandbox.enroll(self.ids[number], {"leads": [{"email": email} for email in emails]})
        leads = self.model.leads[number]
        leads += [email for email in dict.fromkeys(emails) if email not in self.model.gone and email not in leads]
        if self.model.status[number] == "running":
            self.model.queue(number)

    def start(self, number: int) -> None:
        if self.model.leads[number]:
            self.sandbox.start(self.ids[number])
            if self.model.status[number] != "running":
                self.model.status[number] = "running"
                self.model.queue(number)

    def pause(self, number: int) -> None:
        self.sandbox.pause(self.ids[number])
        if self.model.status[number] == "running":
            self.model.status[number] = "paused"

    def pools(self, pools: list[tuple[int, int, str]]) -> None:
        self.sandbox.set_pools(
            [PoolSpec(f"P{n}", pool[0], pool[1], tuple(pool[2].split())) for n, pool in enumerate(pools)]  # type: ignore[arg-type]  # statuses
        )
        self.model.pools, self.model.since, self.model.through = pools, self.model.now, []

    def suppress(self, email: str) -> None:
        self.sandbox.suppress({"emails": [email]})
        self.model.suppress(email)

    def reply(self, number: int, email: str) -> None:
        if email in self.model.leads[number]:
            self.sandbox.add_reply(self.ids[number], email)
            self.model.reply(number, email)

    def compare(self) -> None:
        found = [
            (number, row.email, row.step, hour(row.due_at), row.state, hour(row.sent_at))
            for number, campaign in enumerate(self.ids)
            for row in self.sandbox.messages(campaign)
        ]
        expected = [
            (number, mail.email, mail.step, mail.due, mail.state, mail.sent)
            for number in range(len(self.ids))
            for mail in self.model.mails
            if mail.campaign == number
        ]
        assert found == expected
        rooms = [self.model.room(index) for index in range(len(self.model.pools))]
        assert [pool.remaining for pool in self.sandbox.pools()] == rooms


def hour(stamp: str | None) -> int | None:
    return None if stamp is None else (datetime.fromisoformat(stamp) - MORNING) // HOUR


@given(
    delays=st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=3), min_size=2, max_size=2),
    pools=_pools,
    acts=st.lists(_act, max_size=25),
)
@examples(150)
def test_the_sandbox_sends_as_the_model_does(
    delays: list[list[int]], pools: list[tuple[int, int, str]], acts: list[tuple[object, ...]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        both = Both(Sandbox(Path(folder) / "db.sqlite", clock=lambda: MORNING), delays)
        both.pools(pools)
        both.enrol(0, ADDRESSES[:3])
        both.start(0)
        for name, *arguments in acts:
            getattr(both, str(name))(*arguments)
        both.wait(24 * 8)
        both.compare()
