"""One campaign while its actions are carried out: what it is about, and how far it has come."""

from dataclasses import dataclass, field

from reconciler.execution.tools import Tools
from reconciler.model.campaign import Campaign
from reconciler.model.live import LiveStatus
from reconciler.model.plan import Action
from reconciler.model.report import ActionResult, Outcome
from reconciler.model.roster import Avoid, Roster
from reconciler.model.state import CampaignState


@dataclass(slots=True)
class Work:
    """What the actions of one campaign share. One thread at a time uses it.

    While it enrols, its batches only read it, and set `called` one after the other.

    `key` is the one the state has it under now, `final_key` the one of its file. `planned` is the status the plan was
    made for, and `avoid` says whom it must not newly write to; `most` is how many of a wave the plan showed. `called`
    says what the present action has carried out so far; `enrolled`: all leads are in.
    """

    tools: Tools
    key: str
    final_key: str
    campaign: Campaign | None
    roster: Roster
    planned: LiveStatus
    avoid: Avoid
    most: int | None = None
    enrolled: bool = False
    called: str = ""
    results: list[ActionResult] = field(default_factory=list)

    @property
    def wanted(self) -> Campaign:
        """The campaign as its file has it."""
        if self.campaign is None:
            raise AssertionError(f"{self.key} has no file, and its plan wants one")
        return self.campaign

    def known(self) -> CampaignState:
        """Return what the state has of it."""
        return self.tools.keeper.latest.campaigns[self.key]


def result(action: Action, outcome: Outcome, detail: str) -> ActionResult:
    """Make a line of the report."""
    return ActionResult(campaign=action.campaign, kind=action.kind, outcome=outcome, detail=detail)
