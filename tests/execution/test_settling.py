"""What an open intent comes to, where no run of the whole program gets there easily. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.plans import EDITED, STEPS, campaign, known

from reconciler.diagnostics import CallMissingError, error
from reconciler.execution.reading import Reader, drafts_of
from reconciler.execution.recovery import Recovery, recover
from reconciler.model.campaign import Campaign, steps_digest
from reconciler.model.intents import (
    CreateIntent,
    EnrollIntent,
    Intent,
    PauseIntent,
    ResumeIntent,
    StartIntent,
    UpdateIntent,
)
from reconciler.model.live import Capabilities, Live, LiveCampaign, LiveStatus, RemoteCampaign, Stats
from reconciler.model.roster import FewHashes
from reconciler.model.state import CampaignState, Leftover, State, Stop, Tombstone
from reconciler.planning.identity import Subject

AT = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
TEXT, OTHER = steps_digest(STEPS), steps_digest(EDITED)
PEOPLE = {name: name.encode().ljust(16, b"-") for name in ("ada", "bob", "cyd")}


def create(key: str = "alpha", *, later: int = 0, **changes: Any) -> CreateIntent:
    at = AT + timedelta(minutes=later)
    return CreateIntent(**{"campaign": key, "at": at, "by": "ada", "name": "Alpha", "steps": TEXT, **changes})


def of(kind: type[Any], **more: Any) -> Any:
    return kind(campaign="alpha", at=AT, by="ada", id="camp_alpha", **more)


def draft(campaign_id: str) -> LiveCampaign:
    return seen("draft", id=campaign_id, steps=STEPS)


def seen(status: str, *, total: int = 0, sent: int = 0, queued: int = 0, **changes: Any) -> LiveCampaign:
    counters = Stats(total_enrolled=total, sent=sent, queued=queued)
    return LiveCampaign(**{"id": "camp_alpha", "status": LiveStatus(status), "stats": counters, **changes})


def settled(
    state: State,
    live: LiveCampaign | None = None,
    *subjects: Subject,
    wanted: Campaign | None = None,
    listed: tuple[str, ...] = ("ada", "bob", "cyd"),
    drafts: dict[str, tuple[LiveCampaign, ...] | None] | None = None,
) -> Recovery:
    everyone = subjects or (Subject("alpha", wanted or campaign(), state.campaigns.get("alpha"), "alpha"),)
    there = Live(campaigns={"alpha": live} if live else {}, drafts=drafts or {})
    blobs = {"both": b"".join(PEOPLE[name] + b"f" * 16 for name in ("ada", "bob"))}
    hashes = {"alpha": FewHashes(frozenset(PEOPLE[name] for name in listed))}
    return recover(state, there, everyone, hashes, blobs.__getitem__)


def having(entry: CampaignState | None, *intents: Intent, **changes: Any) -> State:
    campaigns = {} if entry is None else {"alpha": entry}
    operations = {f"op{number}": intent for number, intent in enumerate(intents)}
    return State(**{"lineage": "l", "ledger_key_id": "k", "campaigns": campaigns, "operations": operations, **changes})


def notes(recovery: Recovery) -> str:
    return "\n".join(item.message for item in recovery.notes)


# Creates


def test_two_creates_share_the_drafts_out_the_older_first() -> None:
    """Each key gets one of its own, and one that nobody asked for is told and left alone."""
    state = having(None, create("beta", later=1), create("alpha"))
    alike = (draft("camp_1"), draft("camp_2"), draft("camp_3"))
    subjects = [Subject(key, campaign(key), None, key) for key in ("alpha", "beta")]
    recovery = settled(state, None, *subjects, drafts={"op0": alike, "op1": alike})
    after = recovery.on(state)
    assert {key: entry.id for key, entry in after.campaigns.items()} == {"alpha": "camp_1", "beta": "camp_2"}
    assert after.operations == {}
    assert "camp_3 looks the same" in notes(recovery)


def test_the_younger_of_two_creates_goes_without_where_there_is_one_draft() -> None:
    state = having(None, create("alpha", later=1), create("beta"))
    subjects = [Subject(key, campaign(key), None, key) for key in ("alpha", "beta")]
    recovery = settled(state, None, *subjects, drafts=dict.fromkeys(("op0", "op1"), (draft("camp_1"),)))
    after = recovery.on(state)
    assert [*after.campaigns] == ["beta"]
    assert after.operations == {}
    assert "about to create" in notes(recovery)


def test_what_was_open_for_a_draft_ends_with_its_successor() -> None:
    state = having(
        known(),
        of(UpdateIntent, name="Alpha", steps=OTHER),
        of(EnrollIntent, segment="both", leads=2, new=True),
        create(replaces="camp_alpha"),
    )
    after = settled(state, seen("draft"), drafts={"op2": (draft("camp_2"),)}).on(state)
    assert after.operations == {}
    assert after.campaigns["alpha"].id == "camp_2"
    assert [(item.id, item.reason) for item in after.leftovers] == [("camp_alpha", "replaced by camp_2")]


def test_a_draft_that_was_to_be_replaced_and_cannot_be_read_leaves_everything_open() -> None:
    for drafts in ({}, {"op0": (draft("camp_2"),)}):
        state = having(known(), create(replaces="camp_alpha"))
        recovery = settled(state, seen("unknown"), drafts=dict(drafts))
        assert recovery.on(state) == state
        assert "may have created" in notes(recovery) or "created the draft camp_2" in notes(recovery)


def test_a_draft_of_an_archived_key_is_left_and_told() -> None:
    state = having(None, create())
    recovery = settled(state, wanted=campaign(status="archived"), drafts={"op0": (draft("camp_1"),)})
    after = recovery.on(state)
    assert (after.campaigns, after.operations) == ({}, {})
    assert [item.id for item in after.leftovers] == ["camp_1"]
    assert "no file asks for it any more" in notes(recovery)


def test_somebody_elses_change_since_the_reading_leaves_the_next_run_to_look_again() -> None:
    state = having(known(status="running"), of(PauseIntent))
    recovery = settled(state, seen("paused"))
    stopped = state.with_campaign("alpha", known(status="paused", paused_by_us=True))
    assert recovery.on(state).operations == {}
    assert recovery.on(stopped) == stopped


def test_a_buried_campaign_is_settled_in_its_tombstone() -> None:
    buried = Tombstone(at=AT, campaign=known())
    state = having(None, of(UpdateIntent, name="Alpha", steps=OTHER), tombstones={"alpha": buried})
    subject = Subject("alpha", campaign(), buried.campaign, "alpha")
    after = settled(state, seen("draft", steps=EDITED), subject).on(state)
    assert after.campaigns == {}
    assert after.tombstones["alpha"].campaign.steps_digest == OTHER
    assert after.operations == {}


class Lists:
    """A server that lists campaigns with or without their steps, and cannot show one."""

    def __init__(self, *there: RemoteCampaign) -> None:
        self._there = there

    def campaigns(self) -> tuple[RemoteCampaign, ...]:
        return self._there

    def campaign(self, _campaign_id: str) -> RemoteCampaign:
        raise CallMissingError(error("api-call-missing", "no such call"))

    def stats(self, _campaign_id: str) -> Stats:
        return Stats(total_enrolled=0, sent=0, queued=0)


@pytest.mark.parametrize(
    ("remote", "found"),
    [
        ({}, {}),  # it may be the one: as if campaigns could not be listed
        ({"name": "Another"}, {"op0": []}),
        ({"status": "running"}, {"op0": []}),
        ({"steps": STEPS}, {"op0": ["camp_1"]}),
        ({"steps": EDITED}, {"op0": []}),
        ({"steps": STEPS, "created_at": (AT - timedelta(hours=1)).isoformat()}, {"op0": []}),
        ({"steps": STEPS, "created_at": (AT - timedelta(minutes=9)).isoformat()}, {"op0": ["camp_1"]}),
        ({"steps": STEPS, "created_at": "yesterday"}, {"op0": ["camp_1"]}),
    ],
)
def test_which_draft_of_a_list_may_be_ours(remote: dict[str, Any], found: dict[str, list[str]]) -> None:
    server: Any = Lists(RemoteCampaign(**{"id": "camp_1", "status": "draft", "name": "Alpha", **remote}))
    drafts = drafts_of(Reader(server, Capabilities()), server, having(None, create()), lambda read: read())
    assert {name: [item.id for item in made or ()] for name, made in drafts.items()} == found


def test_a_draft_that_is_known_already_is_nobody_elses() -> None:
    """Whether it is managed, was replaced, or was managed once."""
    there = [RemoteCampaign(id=f"camp_{number}", status="draft", name="Alpha", steps=STEPS) for number in range(5)]
    server: Any = Lists(*there)
    left = Leftover(campaign="beta", id="camp_1", name="Alpha", at=AT, reason="replaced")
    buried = Tombstone(at=AT, campaign=known(id="camp_2"), earlier=(known(id="camp_3"),))
    state = having(None, create(), leftovers=(left,), tombstones={"beta": buried})
    state = state.with_campaign("beta", known("beta", id="camp_0"))
    (found,) = drafts_of(Reader(server, Capabilities()), server, state, lambda read: read()).values()
    assert [item.id for item in found or ()] == ["camp_4"]


# Enrolments


def in_flight(*, new: bool = True) -> EnrollIntent:
    intent: EnrollIntent = of(EnrollIntent, segment="both", leads=2, new=new)
    return intent


@pytest.mark.parametrize(
    ("status", "total", "listed", "left_open", "doubted", "outside"),
    [
        ("draft", 0, ("ada", "bob"), False, 0, 0),  # it did not arrive
        ("draft", 2, ("ada", "bob"), True, 0, 0),  # it is sent again
        ("draft", 2, ("ada",), False, 0, 2),  # bob cannot be taken out
        ("draft", 0, ("ada",), False, 0, 0),
        ("running", 2, ("ada", "bob"), False, 0, 0),
        ("running", 2, ("ada",), False, 1, 0),  # bob was written to
        ("running", 0, ("ada",), False, 1, 0),  # others may have been taken out: the counter says nothing
        ("paused", 2, ("ada",), False, 1, 0),
    ],
)
def test_new_leads_in_flight(
    status: str, total: int, listed: tuple[str, ...], doubted: int, outside: int, *, left_open: bool
) -> None:
    state = having(known(status=status), in_flight())
    recovery = settled(state, seen(status, total=total), listed=listed)
    after = recovery.on(state)
    assert bool(after.operations) is left_open
    assert sum(len(segment) // 32 for segment in recovery.blobs.values()) == doubted
    assert set(after.campaigns["alpha"].ledger) == set(recovery.blobs)
    assert after.campaigns["alpha"].outside == outside


def test_leads_in_a_draft_that_is_not_to_run_are_known_and_sent_again_later() -> None:
    """The counts add up from now on, and as their fields are not known they count as changed."""
    state = having(known(), in_flight())
    recovery = settled(state, seen("draft", total=2), wanted=campaign(status="draft"))
    entry = recovery.on(state).campaigns["alpha"]
    assert (entry.expected_enrolled, entry.outside) == (2, 0)
    assert [*recovery.blobs.values()] == [PEOPLE["ada"] + bytes(16) + PEOPLE["bob"] + bytes(16)]


def test_everybody_in_flight_counts_as_written_to_where_the_campaign_goes() -> None:
    state = having(known(status="running"), in_flight())
    recovery = settled(state, seen("running", total=2), Subject("alpha", None, known(status="running"), "alpha"))
    assert recovery.on(state).operations == {}
    assert sum(len(segment) // 32 for segment in recovery.blobs.values()) == 2
    assert "count as written to" in notes(recovery)


def test_changed_fields_in_flight_count_as_changed() -> None:
    state = having(known(status="running", accepted=2), in_flight(new=False))
    recovery = settled(state, seen("running", total=2))
    assert recovery.on(state).operations == {}
    assert [*recovery.blobs.values()] == [PEOPLE["ada"] + bytes(16) + PEOPLE["bob"] + bytes(16)]


# Starts, resumes, pauses

UNREAD = {"status_read": False}
STOP = Stop(scope="alpha", reason="r", at=AT, by="bob")
PAUSED = known(status="paused", paused_by_us=True)
RESUME: ResumeIntent = of(ResumeIntent, sent=0, queued=3)


@pytest.mark.parametrize(
    ("entry", "intent", "live", "stopped", "after"),
    [
        (known(), of(StartIntent), seen("running"), True, None),
        (known(), of(StartIntent), seen("draft"), True, ("draft", False)),
        (known(), of(StartIntent), seen("draft", **UNREAD), True, None),
        (known(), of(StartIntent), seen("draft", **UNREAD), False, None),
        (known(), of(StartIntent), seen("running", queued=1, **UNREAD), False, ("draft", False)),
        (PAUSED, RESUME, seen("paused", queued=3), False, ("paused", True)),
        (PAUSED, RESUME, seen("paused", sent=1, queued=2), False, ("paused", False)),
        (PAUSED, RESUME, seen("paused", queued=3, **UNREAD), False, None),
        (PAUSED, RESUME, seen("paused", queued=3, **UNREAD), True, None),
        (PAUSED, RESUME, seen("paused", sent=1, queued=2, **UNREAD), False, ("running", False)),
        (PAUSED, of(PauseIntent), seen("paused", **UNREAD), True, ("paused", True)),
        (known(status="running"), of(PauseIntent), seen("running"), False, ("running", False)),
        (known(status="running"), of(PauseIntent), seen("running"), True, None),
        (known(status="running"), of(PauseIntent), seen("running", **UNREAD), True, None),
        (known(status="running"), of(PauseIntent), seen("running", **UNREAD), False, ("paused", True)),
        (known(status="running"), of(PauseIntent), seen("paused"), False, ("paused", True)),
        (known(status="running"), of(PauseIntent), seen("unknown"), False, None),
        (known(status="running"), of(PauseIntent), seen("gone"), False, None),
    ],
)
def test_a_start_a_resume_or_a_pause_is_settled_by_what_is_shown(
    entry: CampaignState, intent: Intent, live: LiveCampaign, after: tuple[str, bool] | None, *, stopped: bool
) -> None:
    """None: it stays open. Statuses that were read are written down elsewhere (`transitions.refreshed`)."""
    state = having(entry, intent, stops=(STOP,) if stopped else ())
    now = settled(state, live).on(state)
    if after is None:
        assert now == state
        return
    assert now.operations == {}
    assert (now.campaigns["alpha"].status, now.campaigns["alpha"].paused_by_us) == after


def test_a_pause_after_a_resume_that_has_sent_is_made_sure_of() -> None:
    """Nothing can be read: the resume landed, and the stop's pause after it may have."""
    state = having(PAUSED, RESUME, of(PauseIntent))
    now = settled(state, seen("paused", sent=1, queued=2, **UNREAD)).on(state)
    assert now.operations == {}
    assert (now.campaigns["alpha"].status, now.campaigns["alpha"].paused_by_us) == ("paused", True)


def test_what_is_open_for_another_campaign_of_the_key_says_nothing() -> None:
    state = having(known(id="camp_new"), of(StartIntent))
    assert settled(state, seen("draft", id="camp_new")).on(state).operations == {}


# Updates


@pytest.mark.parametrize(
    ("live", "left_open", "digest"),
    [
        (seen("draft", steps=EDITED), False, OTHER),
        (seen("draft", steps=STEPS), False, TEXT),
        (seen("draft", steps=STEPS, name="Theirs"), True, TEXT),
        (seen("draft", steps=STEPS[:1]), True, TEXT),
        (seen("running", steps=STEPS[:1]), False, TEXT),
        (seen("draft"), True, TEXT),
    ],
)
def test_an_update_is_taken_over_where_it_is_shown(live: LiveCampaign, digest: str, *, left_open: bool) -> None:
    state = having(known(), of(UpdateIntent, name="Alpha", steps=OTHER))
    after = settled(state, live).on(state)
    assert bool(after.operations) is left_open
    assert after.campaigns["alpha"].steps_digest == digest
