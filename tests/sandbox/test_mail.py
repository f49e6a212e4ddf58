"""Every message that is sent arrives as a real email, through a real SMTP server."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from socket import create_server
from typing import TYPE_CHECKING

import pytest
from aiosmtpd.controller import Controller
from sandbox.support import KEY, STEPS, Json, Make, people

from reconciler.sandbox.app import create_app
from reconciler.sandbox.engine import Sandbox
from reconciler.sandbox.mail import fill
from reconciler.sandbox.options import SandboxOptions
from reconciler.sandbox.server import serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.support import Box

DAY = timedelta(days=1)


@dataclass
class Inbox:
    """An SMTP server that keeps what it gets, and answers the commands of some receivers with a refusal."""

    port: int
    emails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def receivers(self) -> list[str]:
        return [str(email["To"]) for email in self.emails]

    async def handle_MAIL(self, server: Json, session: Json, envelope: Json, address: str, options: Json) -> str:  # noqa: N802 - aiosmtpd's name
        if address in self.refusals:
            return self.refusals[address]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Json, session: Json, envelope: Json, address: str, options: Json) -> str:  # noqa: N802 - aiosmtpd's name
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Json, session: Json, envelope: Json) -> str:  # noqa: N802 - as above
        email = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(email, EmailMessage)
        self.emails.append(email)
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        return "250 OK"

    @contextmanager
    def open(self) -> Iterator[None]:
        controller = Controller(self, hostname="127.0.0.1", port=self.port)
        controller.start()
        try:
            yield
        finally:
            controller.stop()


@pytest.fixture
def closed() -> Inbox:
    with create_server(("127.0.0.1", 0)) as free:
        return Inbox(free.getsockname()[1])


@pytest.fixture
def inbox(closed: Inbox) -> Iterator[Inbox]:
    with closed.open():
        yield closed


def start(box: Box, *leads: dict[str, Json], steps: list[Json] = STEPS) -> str:
    campaign = box.draft(steps)
    box.enroll(campaign, *leads)
    assert box.post(f"/campaigns/{campaign}/start").status_code == 200
    return campaign


def test_each_lead_gets_its_own_words_step_by_step(make: Make, inbox: Inbox) -> None:
    box = make(smtp=inbox.address)
    campaign = start(
        box,
        {"email": "ada@example.com", "firstName": "Ada", "company": "A & B"},
        {"email": "max@example.com", "firstName": "Märta", "company": None},
    )
    box.sandbox.advance(timedelta())
    ada, max_ = inbox.emails
    assert (ada["To"], ada["Subject"], ada["From"]) == (
        "ada@example.com",
        "Quick question, Ada",
        "sender1@primary-outbound.example.com",
    )
    assert (ada.get_content_type(), ada.get_content().strip()) == ("text/html", "<p>Hi Ada, A & B</p>")
    assert (max_["Subject"], max_.get_content().strip()) == ("Quick question, Märta", "<p>Hi Märta, </p>")
    assert inbox.envelopes[1] == ("sender2@primary-outbound.example.com", ["max@example.com"])
    assert ada["Date"].datetime.isoformat() == "2026-11-02T09:00:00+00:00"
    box.sandbox.advance(2 * DAY)
    assert len(inbox.emails) == 2
    box.sandbox.advance(2 * DAY)
    assert [email["Subject"] for email in inbox.emails[2:]] == ["Re: Quick question, Ada", "Re: Quick question, Märta"]
    assert inbox.emails[2]["Date"].datetime.isoformat() == "2026-11-05T09:00:00+00:00"
    ids = [email["Message-ID"] for email in inbox.emails]
    assert len(set(ids)) == 4
    assert all(name.startswith(f"<{campaign}.") for name in ids)


def test_what_a_lead_brings_cannot_become_a_header(make: Make, inbox: Inbox) -> None:
    box = make(smtp=inbox.address)
    for number, end in enumerate(["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028"]):
        start(box, {"email": f"lead{number}@example.com", "firstName": f"Ada{end}Bcc: all@example.com{end}{end}Hi"})
    box.sandbox.advance(timedelta())
    assert [email["Bcc"] for email in inbox.emails] == [None] * 6
    assert {email["Subject"] for email in inbox.emails} == {"Quick question, Ada Bcc: all@example.com Hi"}
    assert [receivers for _, receivers in inbox.envelopes] == [[f"lead{n}@example.com"] for n in range(6)]


def test_a_server_that_is_away_loses_nothing(make: Make, closed: Inbox) -> None:
    box = make(smtp=closed.address)
    start(box, *people(2))
    box.sandbox.advance(DAY)
    assert box.sandbox.waiting_mail() == 2
    with closed.open():
        box.sandbox.advance(3 * DAY)
    assert closed.receivers == ["lead0@example.com", "lead1@example.com"] * 2
    assert box.sandbox.waiting_mail() == 0


def test_what_was_sent_without_a_server_is_handed_over_when_there_is_one(make: Make, inbox: Inbox) -> None:
    box = make()
    start(box, *people(3))
    box.sandbox.advance(DAY)
    assert inbox.emails == []
    other = make(smtp=inbox.address)
    other.sandbox.hand_over()
    other.sandbox.hand_over()
    assert len(inbox.emails) == 3


def test_a_refused_receiver_keeps_nobody_else_from_theirs(make: Make, inbox: Inbox) -> None:
    inbox.refusals = {"lead0@example.com": "550 No such user", "lead1@example.com": "451 Come again"}
    box = make(smtp=inbox.address)
    start(box, *people(3), {"email": "märta@example.com"}, {"email": "a..b@example.com"}, steps=STEPS[:1])
    box.sandbox.advance(timedelta())
    assert inbox.receivers[0] == "lead2@example.com"
    assert box.sandbox.waiting_mail() == 1
    before = len(inbox.emails)
    inbox.refusals = {}
    box.sandbox.advance(timedelta())
    assert inbox.receivers[before:] == ["lead1@example.com"]
    assert box.sandbox.waiting_mail() == 0


def test_a_server_that_takes_nothing_from_the_sender_loses_nothing(make: Make, inbox: Inbox) -> None:
    inbox.refusals = {"sender1@primary-outbound.example.com": "530 Authentication required"}
    box = make(smtp=inbox.address)
    start(box, *people(1))
    box.sandbox.advance(timedelta())
    assert (inbox.emails, box.sandbox.waiting_mail()) == ([], 1)


def test_a_process_that_dies_repeats_at_most_one(make: Make, database: Path, inbox: Inbox) -> None:
    box = make()
    start(box, *people(20))
    box.sandbox.advance(DAY)
    script = (
        "import os, pathlib, sys; from reconciler.sandbox import mail; from reconciler.sandbox.engine import Sandbox;"
        "from reconciler.sandbox.options import SandboxOptions; act, count = mail._hand_over, [0];\n"
        "def dying(connection, row):\n"
        "    outcome = act(connection, row); count[0] += 1\n"
        "    return os._exit(9) if count[0] == 8 else outcome\n"
        "mail._hand_over = dying; Sandbox(pathlib.Path(sys.argv[1]), SandboxOptions(smtp=sys.argv[2])).hand_over()"
    )
    died = subprocess.run([sys.executable, "-c", script, str(database), inbox.address], timeout=30, check=False)
    assert (died.returncode, len(inbox.emails)) == (9, 8)
    make(smtp=inbox.address).sandbox.hand_over()
    assert inbox.receivers == [f"lead{n}@example.com" for n in (*range(8), *range(7, 20))]
    assert inbox.emails[7]["Message-ID"] == inbox.emails[8]["Message-ID"]


def test_a_served_sandbox_hands_over_what_another_process_sent(database: Path, inbox: Inbox) -> None:
    options = SandboxOptions(sending="live", smtp=inbox.address)
    mover = Sandbox(database)
    with serve(create_app(database, options)):
        made = mover.create({"name": "N", "sequenceSteps": STEPS}).id
        mover.enroll(made, {"leads": people(2)})
        mover.start(made)
        mover.advance(3 * DAY)
        deadline = time.monotonic() + 15
        while len(inbox.emails) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
    assert sorted(inbox.receivers) == ["lead0@example.com"] * 2 + ["lead1@example.com"] * 2


def test_a_server_that_stays_away_is_told_of_once(
    database: Path, closed: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    options = SandboxOptions(sending="live", smtp=closed.address)
    sandbox = Sandbox(database)
    made = sandbox.create({"name": "N", "sequenceSteps": STEPS}).id
    sandbox.enroll(made, {"leads": people(1)})
    sandbox.start(made)
    with serve(create_app(database, options)):
        time.sleep(2.5)
    assert [KEY in message for message in caplog.messages] == [False]
    assert "tries again" in caplog.messages[0]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{ name }}{{name}}", "<Ada><Ada>"),
        ("{{count}} {{yes}} {{none}}{{missing}}.", "3 true ."),
        ("{{first name}} {name} {{name", "{{first name}} {name} {{name"),
        ("{{nested}}", "{{name}}"),
    ],
)
def test_tokens(text: str, filled: str) -> None:
    values = {"name": "<Ada>", "count": 3, "yes": True, "none": None, "nested": "{{name}}"}
    assert fill(text, values) == filled


@pytest.mark.parametrize("address", ["", "localhost", "localhost:", ":25", "localhost:0", "localhost:70000", "a:b"])
def test_what_is_no_server(address: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        SandboxOptions(smtp=address)
