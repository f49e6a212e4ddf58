"""Whatever is called in whatever order: nobody is queued for a step twice, and drafts stay silent."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from support.examples import examples

from reconciler.sandbox.engine import Sandbox
from reconciler.sandbox.errors import ApiError
from reconciler.sandbox.options import SandboxOptions

STEP = {"subject": "S", "bodyHtml": "B"}
ADDRESSES = [f"lead{n}@example.com" for n in range(6)]
SPELLINGS = st.sampled_from([*ADDRESSES, *(f" {address.upper()} " for address in ADDRESSES)])


class Workspace(RuleBasedStateMachine):
    campaigns = Bundle("campaigns")

    @initialize(lenient=st.booleans())
    def open(self, *, lenient: bool) -> None:
        self.resources = ExitStack()
        folder = Path(self.resources.enter_context(tempfile.TemporaryDirectory()))
        options = SandboxOptions(start_without_leads="run" if lenient else "reject")
        self.sandbox = Sandbox(folder / "db.sqlite", options)
        self.enrolled: dict[str, set[str]] = {}
        self.status: dict[str, str] = {}
        self.suppressed: set[str] = set()
        self.lenient = lenient

    def teardown(self) -> None:
        if hasattr(self, "resources"):
            self.resources.close()

    @rule(target=campaigns, steps=st.integers(0, 2))
    def create(self, steps: int) -> str:
        made = self.sandbox.create({"name": "N", "sequenceSteps": [STEP] * steps}).id
        self.enrolled[made], self.status[made] = set(), "draft"
        return made

    @rule(campaign=campaigns, emails=st.lists(SPELLINGS, min_size=1, max_size=5))
    def enroll(self, campaign: str, emails: list[str]) -> None:
        counts = self.sandbox.enroll(campaign, {"leads": [{"email": email} for email in emails]})
        clean = [email.strip().lower() for email in emails]
        allowed = [email for email in clean if email not in self.suppressed]
        new = set(allowed) - self.enrolled[campaign]
        assert (counts.enrolled, counts.updated) == (len(new), len(allowed) - len(new))
        assert counts.skipped == len(clean) - len(allowed)
        self.enrolled[campaign] |= new

    @rule(campaign=campaigns)
    def start(self, campaign: str) -> None:
        steps = self.sandbox.campaign(campaign).steps
        enough_leads = self.lenient or bool(self.enrolled[campaign])
        if self.status[campaign] == "draft" and not (steps and enough_leads):
            with pytest.raises(ApiError) as refused:
                self.sandbox.start(campaign)
            assert refused.value.code == ("no_sequence_steps" if enough_leads else "no_leads_enrolled")
        else:
            self.sandbox.start(campaign)
            self.status[campaign] = "running"

    @rule(campaign=campaigns)
    def pause(self, campaign: str) -> None:
        self.sandbox.pause(campaign)
        if self.status[campaign] == "running":
            self.status[campaign] = "paused"

    @rule(email=SPELLINGS)
    def suppress(self, email: str) -> None:
        self.sandbox.suppress({"emails": [email]})
        self.suppressed.add(email.strip().lower())

    @rule(campaign=campaigns, email=st.sampled_from(ADDRESSES), kind=st.sampled_from(["interested", "bounce"]))
    def reply(self, campaign: str, email: str, kind: str) -> None:
        if email in self.enrolled[campaign]:
            self.sandbox.add_reply(campaign, email, classification=kind)
            if kind == "bounce":
                self.suppressed.add(email)

    @invariant()
    def the_promises_hold(self) -> None:
        for campaign, expected in getattr(self, "enrolled", {}).items():
            now, stats = self.sandbox.stats(campaign)
            messages = self.sandbox.messages(campaign)
            assert now.status == self.status[campaign]
            assert now.starts == (now.status != "draft")
            assert max(Counter((m.email, m.step) for m in messages).values(), default=0) <= 1
            assert {lead.email for lead in self.sandbox.leads(campaign)} == expected
            assert stats.total_enrolled == len(expected)
            queued = {m.email for m in messages if m.state == "queued"}
            assert stats.queued == len(queued)
            assert not queued & self.suppressed
            if now.status == "draft":
                assert not messages
            if now.status == "running":
                ended = {lead.email for lead in self.sandbox.leads(campaign) if lead.ended}
                assert queued == expected - self.suppressed - ended


Workspace.TestCase.settings = examples(30, stateful_step_count=20)
TestWorkspace = Workspace.TestCase
