"""What a plan is made from, built in a line: every test names only what it is about."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.model.campaign import Campaign, SequenceStep, Status, steps_digest
from reconciler.model.live import Account, Capabilities, Live, LiveCampaign, LiveStatus, Pool, Stats
from reconciler.model.plan import Action, ActionStatus, Kind, Plan
from reconciler.model.roster import Roster
from reconciler.model.state import CampaignState, Cohort, State, Stop, Tombstone
from reconciler.model.workspace import Desired, Policy
from reconciler.planning.single import Inputs

NOW = datetime(2026, 11, 30, 13, 2, tzinfo=UTC)
"""A Monday, 14:02 in Berlin."""
STARTED = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
STEPS = (
    SequenceStep(subject="Quick question, {{firstName}}", body_html="<p>Hi {{firstName}},</p>"),
    SequenceStep(subject="Re: Quick question", body_html="<p>Still there?</p>", delay_days=3),
)
EDITED = (STEPS[0], STEPS[1].model_copy(update={"body_html": "<p>Anybody there?</p>"}))
POOLS = (
    Pool(id="pool_1", name="Primary Outbound", daily_capacity=1600, remaining=1243, senders=8),
    Pool(id="pool_2", name="Warm-Up Pool", daily_capacity=300, remaining=300, senders=3),
)
"""The pools of the vendor's worked example: 1,543 left of 1,900 a day."""
ACCOUNTS = tuple(Account(id=f"sa_{number}", status="active") for number in range(8))
ALL_CALLS = Capabilities(get_campaign=True, patch_campaign=True)
SOURCES = {".": "own-1", "templates/alpha/intro.html.j2": "intro-1", "templates/partials/footer.html.j2": "footer-1"}
OWN = ("templates/alpha/intro.html.j2",)


def campaign(key: str = "alpha", status: str = "running", **changes: object) -> Campaign:
    """Make a campaign as wanted: everybody is to get step one today."""
    values: dict[str, Any] = {
        "name": key.title(),
        "steps": STEPS,
        "file": f"specs/campaigns/{key}.yaml",
        "line": 3,
        "sources": SOURCES,
        "own_sources": OWN,
        "first_step_within_days": 1,
    }
    return Campaign(key=key, status=Status(status), **{**values, **changes})


def known(key: str = "alpha", status: str = "draft", *, accepted: int = 0, **changes: object) -> CampaignState:
    """Make the state's entry of a managed campaign, written as `campaign(key)` has it."""
    started = status != "draft"
    cohorts = (Cohort(at=STARTED, sent=accepted, accepted=accepted),) if accepted else ()
    values: dict[str, Any] = {
        "id": f"camp_{key}",
        "name": key.title(),
        "file": f"specs/campaigns/{key}.yaml",
        "started_at": STARTED if started else None,
        "steps_digest": steps_digest(STEPS),
        "read_back_digest": steps_digest(STEPS),
        "sources": SOURCES,
        "cohorts": cohorts,
    }
    return CampaignState(status=status, **{**values, **changes})


def live(
    key: str = "alpha", status: str = "draft", *, enrolled: int = 0, queued: int = 0, **changes: object
) -> LiveCampaign:
    """Make a campaign as read back, as `campaign(key)` has it."""
    values: dict[str, Any] = {
        "id": f"camp_{key}",
        "name": key.title(),
        "steps": STEPS,
        "stats": Stats(total_enrolled=enrolled, sent=enrolled if status != "draft" else 0, queued=queued),
    }
    return LiveCampaign(status=LiveStatus(status), **{**values, **changes})


def roster(leads: int = 10, new: int | None = None, **changes: object) -> Roster:
    """Make a list of so many people; all of them are new unless told."""
    values: dict[str, Any] = {"source": "leads:list.csv", "at_hand": True, "rows": leads, "digest": f"list-of-{leads}"}
    return Roster(leads=leads, new=leads if new is None else new, **{**values, **changes})


def stop(scope: str = "*") -> Stop:
    """Make a stop mark."""
    return Stop(scope=scope, reason="wrong price", at=NOW, by="ada@laptop")


def desired(*campaigns: Campaign, **policy: object) -> Desired:
    """Make what the files want."""
    ordered = tuple(sorted(campaigns, key=lambda item: item.key))
    return Desired(workspace="acme", environment="default", lineage="4f0c", policy=Policy(**policy), campaigns=ordered)


def state(
    entries: Mapping[str, CampaignState] | None = None,
    *,
    buried: Mapping[str, CampaignState] | None = None,
    **changes: object,
) -> State:
    """Make a state that manages `entries`, and has tombstones of `buried`."""
    values: dict[str, Any] = {
        "campaigns": dict(entries or {}),
        "tombstones": {key: Tombstone(at=STARTED, campaign=entry) for key, entry in (buried or {}).items()},
    }
    return State(lineage="4f0c", serial=42, ledger_key_id="k1", **{**values, **changes})


def inputs(
    wanted: Desired | Campaign | None = None,
    managed: State | CampaignState | None = None,
    there: Mapping[str, LiveCampaign] | LiveCampaign | None = None,
    rosters: Mapping[str, Roster] | Roster | None = None,
    *,
    blobs: Iterable[tuple[SequenceStep, ...]] = (),
    **changes: object,
) -> Inputs:
    """Put everything together. A single campaign, entry, reading or list is that of `alpha`."""
    if not isinstance(wanted, Desired):
        wanted = desired(wanted) if wanted else desired()
    if not isinstance(managed, State):
        managed = state({"alpha": managed} if managed else {})
    if not isinstance(there, Mapping):
        there = {"alpha": there} if there else {}
    if not isinstance(rosters, Mapping):
        rosters = {item.key: rosters or roster() for item in wanted.campaigns}
    texts = (STEPS, EDITED, *blobs, *(item.steps for item in wanted.campaigns))
    reading = {"pools": POOLS, "accounts": ACCOUNTS, "capabilities": ALL_CALLS}
    reading |= {name: changes.pop(name) for name in set(Live.model_fields) & set(changes)}
    values: dict[str, Any] = {"ledgers": {}, "now": NOW, "tool": "reconciler 0.1.0"}
    return Inputs(
        desired=wanted,
        state=managed,
        live=Live(campaigns=dict(there), **reading),
        rosters=rosters,
        steps={steps_digest(text): text for text in texts},
        **{**values, **changes},
    )


def outline(plan: Plan, key: str = "alpha") -> list[tuple[str, str]]:
    """Return kind and status of a campaign's actions, in order."""
    return [(action.kind.value, action.status.value) for action in plan.of(key)]


def the(plan: Plan, kind: Kind, key: str = "alpha") -> Action:
    """Return the one action of this kind."""
    (action,) = (action for action in plan.of(key) if action.kind is kind)
    return action


def codes(plan: Plan) -> list[tuple[str, str]]:
    """Return severity and code of all diagnostics, sorted."""
    return sorted((item.severity.value, item.code) for item in plan.diagnostics)


def failed(action: Action) -> set[str]:
    """Return the ids of the guards that failed."""
    return {result.id for result in action.guards if result.passed is False}


def ready(plan: Plan) -> list[Action]:
    """Return the actions that would be carried out."""
    return [action for action in plan.actions if action.status is ActionStatus.READY]
