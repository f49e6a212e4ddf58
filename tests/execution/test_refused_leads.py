"""Bad leads: found by what the server says or by halves, left out, told by line, remembered; the rest gets through."""

import itertools
import math
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest
from execution.acts import detail, drafted, leave_mark, lift, queued, remote_id
from execution.interrupted import until_done
from hypothesis import HealthCheck, Phase, assume, given, note
from hypothesis import strategies as st
from support.examples import examples
from support.killing import Fate, MortalWorld
from support.world import World, actions, outcomes, person

from reconciler.leads.roster import LeadLists
from reconciler.leadterra.client import LeadterraClient
from reconciler.model.report import Report
from reconciler.reporting.jsonout import plan_json, report_json
from reconciler.reporting.text import render_plan, render_report
from reconciler.sandbox.faults import Fault, Naming
from reconciler.sandbox.options import ENVELOPES, Envelope, SandboxOptions

pytestmark = pytest.mark.sample(2)

BATCH = 20
NAMINGS: tuple[Naming, ...] = get_args(Naming)
SHAPES = pytest.mark.parametrize("names", NAMINGS)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LeadLists.__init__.__kwdefaults__, "batch_size", BATCH)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def quick(tmp_path: Path) -> MortalWorld:
    return MortalWorld(tmp_path / "world")


def listed(world: World, pattern: str, key: str = "one") -> None:
    """Write a list with a row for each character: `x` is a bad lead."""
    rows = [person(key, number) for number in range(len(pattern))]
    for row, mark in zip(rows, pattern, strict=True):
        if mark == "x":
            row["email"] = f"bad.{row['email']}"
    world.leads(key, rows=rows)


def refuse(world: World, names: Naming, prefix: str = "bad.") -> None:
    world.sandbox.add_fault(Fault(kind="enroll", action="reject_leads", prefix=prefix, names=names))


def there(world: World, key: str = "one") -> list[str]:
    """Return who is in the campaign; everybody was sent and taken once."""
    leads = world.sandbox.leads(remote_id(world, key))
    assert {lead.times_enrolled for lead in leads} <= {1}
    return [lead.email for lead in leads]


def told_lines(report: Report) -> list[int | None]:
    return [item.line for item in report.diagnostics if item.code == "lead-refused"]


def bad_lines(pattern: str) -> list[int]:
    return [at + 2 for at, mark in enumerate(pattern) if mark == "x"]


def asked(world: World) -> int:
    return world.kinds().count("enroll")


@SHAPES
def test_the_rest_gets_through(quick: MortalWorld, names: Naming) -> None:
    """The good ones are enrolled once and started, the bad ones told by line, and nothing is left to do."""
    world = quick
    refuse(world, names)
    listed(world, "..x......x.")
    world.campaign("one", status="running")
    report = world.apply()
    assert outcomes(report) == [("one", "create", "done"), ("one", "enroll", "done"), ("one", "start", "done")]
    assert detail(report, "enroll") == "9 enrolled, 2 not accepted by Leadterra"
    assert told_lines(report) == [4, 11]
    assert {item.file for item in report.diagnostics} == {"lists/one.csv"}
    assert len(there(world)) == queued(world) == 9
    assert world.state().campaigns["one"].expected_enrolled == 9
    assert world.state().operations == {}
    plan = world.plan()
    assert plan.actions == ()
    (known,) = [item for item in plan.diagnostics if item.code == "leads-refused"]
    assert known.message == "2 people of the list were refused by Leadterra and are left out: lines 4, 11."
    before = asked(world)
    assert outcomes(world.apply()) == []
    assert asked(world) == before


@SHAPES
def test_a_corrected_row_is_enrolled_by_the_next_run(quick: MortalWorld, names: Naming) -> None:
    """Another address or other fields make it new; what is still as it was stays out."""
    world = quick
    refuse(world, names)
    rows = [person("one", number) for number in range(4)]
    for number in (0, 1, 2):
        rows[number]["email"] = f"bad.{number}@example.com"
    world.leads("one", rows=rows)
    world.campaign("one", status="running")
    world.apply()
    assert there(world) == [person("one", 3)["email"]]
    world.sandbox.clear_faults()
    rows[0]["email"] = "good.0@example.com"
    rows[1]["company"] = "Corrected"
    world.leads("one", rows=rows)
    assert world.plan().summary.new_recipients == 2
    assert detail(world.apply(), "enroll") == "2 enrolled"
    assert there(world)[1:] == ["good.0@example.com", "bad.1@example.com"]
    assert world.plan().actions == ()


@SHAPES
def test_new_details_that_are_refused_are_left_out(quick: MortalWorld, names: Naming) -> None:
    """Those who are in it keep their old details, and that is not asked for again."""
    world = quick
    listed(world, "..x.")
    world.campaign("one", status="running")
    world.apply()
    refuse(world, names)
    rows = [person("one", number) | {"company": "New Company"} for number in range(4)]
    rows[2]["email"] = f"bad.{rows[2]['email']}"
    world.leads("one", rows=rows)
    report = world.apply()
    assert detail(report, "enroll") == "3 brought up to date, 1 not accepted by Leadterra"
    assert told_lines(report) == [4]
    companies = {lead.email: lead.fields["company"] for lead in world.sandbox.leads(remote_id(world))}
    assert companies == {row["email"]: "New Company" for row in rows} | {rows[2]["email"]: "Company 2"}
    plan = world.plan()
    assert plan.actions == ()
    assert [(item.people.refused, item.people.outdated) for item in plan.campaigns] == [(0, 1)]


@SHAPES
def test_where_nobody_is_left_nothing_starts(quick: MortalWorld, names: Naming) -> None:
    world = quick
    refuse(world, names)
    listed(world, "xxx")
    world.campaign("one", status="running")
    report = world.apply()
    assert outcomes(report)[1:] == [("one", "enroll", "done"), ("one", "start", "held")]
    assert detail(report, "enroll") == "0 enrolled, 3 not accepted by Leadterra"
    words = "0 leads, 1 wanted; Leadterra refused 3 of the list: correct their rows"
    assert detail(report, "start") == words
    (start,) = world.plan().actions
    assert (start.kind, start.reason) == ("start", words)
    assert "start" not in world.writes()


def test_too_few_left_hold_the_start(quick: MortalWorld) -> None:
    """`minimumLeads` counts those who are in it."""
    world = quick
    refuse(world, "email")
    listed(world, "..x")
    world.campaign("one", status="running", start={"minimumLeads": 3})
    report = world.apply()
    assert "2 leads, 3 wanted; Leadterra refused 1 of the list" in detail(report, "start")
    assert queued(world) == 0


def test_a_running_campaign_counts_who_was_taken(quick: MortalWorld) -> None:
    world = quick
    listed(world, "...")
    world.campaign("one", status="running")
    world.apply()
    refuse(world, "nothing")
    listed(world, "....x.x")
    plan, report = world.plan(), world.apply()
    assert outcomes(report) == [("one", "enroll", "done")]
    assert queued(world) == 5
    assert "2 people get a first email" in render_report(report, plan)
    assert world.plan().actions == ()


def test_a_new_draft_tries_everybody_again(quick: MortalWorld) -> None:
    """Somebody left the list of a draft with people in it: what was refused is dropped with that draft."""
    world = quick
    refuse(world, "email")
    listed(world, "..x.")
    world.campaign("one", status="running", start={"minimumLeads": 4})
    world.apply()
    world.sandbox.clear_faults()
    world.leads("one", rows=[person("one", 0), person("one", 2) | {"email": f"bad.{person('one', 2)['email']}"}])
    world.campaign("one", status="running")
    plan = world.plan()
    assert [item.kind for item in plan.actions] == ["replace", "enroll", "start"]
    assert [item for item in plan.diagnostics if item.code == "leads-refused"] == []
    assert plan.summary.new_recipients == 2
    world.apply()
    assert world.state().campaigns["one"].refused == ()
    assert queued(world) == 2


def test_a_key_that_returns_remembers(quick: MortalWorld) -> None:
    world = quick
    refuse(world, "index")
    listed(world, ".x.")
    path = world.campaign("one", status="running")
    world.apply()
    text = path.read_text()
    world.campaign("other", leads=None, sequenceSteps=[{"subject": "Other", "bodyText": "Other."}])
    path.unlink()
    world.apply()
    assert "one" not in world.state().campaigns
    path.write_text(text)
    world.campaign("one", status="paused")
    world.apply()
    world.campaign("one", status="running")
    before = asked(world)
    assert [kind for _, kind, _ in actions(world.plan())] == ["resume"]
    world.apply()
    assert asked(world) == before


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_in_each_envelope(tmp_path: Path, envelope: Envelope) -> None:
    world = MortalWorld(tmp_path / "world", SandboxOptions(error_envelope=envelope))
    refuse(world, "index")
    listed(world, ".x.")
    world.campaign("one", status="running")
    assert detail(world.apply(), "enroll") == "2 enrolled, 1 not accepted by Leadterra"


@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_that_is_not_about_leads_costs_few_requests(quick: MortalWorld, status: int) -> None:
    """Nobody is remembered as refused, and the next run, when it is over, enrols everybody."""
    world = quick
    listed(world, "." * 45)
    world.campaign("one", status="running")
    world.sandbox.add_fault(Fault(kind="enroll", action="reject", status=status, code="campaign_closed"))
    report = world.apply()
    assert outcomes(report)[1:] == [("one", "enroll", "failed"), ("one", "start", "not attempted")]
    assert asked(world) == (1 if status == 400 else 9)
    if status == 422:
        assert "it seems to be about the campaign, not about single leads" in detail(report, "enroll")
    assert told_lines(report) == []
    world.sandbox.clear_faults()
    world.apply()
    assert len(there(world)) == queued(world) == 45


def test_one_lead_refused_without_a_word_about_it_is_not_left_out(quick: MortalWorld) -> None:
    world = quick
    listed(world, ".")
    world.campaign("one", status="running")
    world.sandbox.add_fault(Fault(kind="enroll", action="reject", status=422, nth=1))
    report = world.apply()
    assert outcomes(report)[1:] == [("one", "enroll", "failed"), ("one", "start", "not attempted")]
    assert "refused with 422 (invalid_request); 1 lead sent, none of them named" in detail(report, "enroll")
    world.apply()
    assert queued(world) == 1


def test_a_limit_that_is_reached_in_the_middle_costs_few_requests(quick: MortalWorld) -> None:
    """The campaign takes three more leads of the second batch, and then nobody; what was taken is kept."""
    world = quick
    listed(world, "." * 40)
    world.campaign("one", status="running")
    limit = 23
    original = world.sandbox.enroll

    def limited(campaign_id: str, body: dict[str, object]) -> object:
        from reconciler.sandbox.errors import ApiError

        leads = body["leads"]
        assert isinstance(leads, list)
        if len(world.sandbox.leads(campaign_id)) + len(leads) > limit:
            raise ApiError(422, "limit_reached", "No more leads.", errors=[{"message": "No more leads."}])
        return original(campaign_id, body)  # type: ignore[arg-type]

    world.sandbox.enroll = limited  # type: ignore[method-assign,assignment]
    report = world.apply()
    assert outcomes(report)[1:] == [("one", "enroll", "failed"), ("one", "start", "not attempted")]
    assert len(there(world)) == limit
    assert asked(world) <= 40
    world.sandbox.enroll = original  # type: ignore[method-assign]
    world.apply()
    assert len(there(world)) == queued(world) == 40


def miscount(world: World, monkeypatch: pytest.MonkeyPatch, *, first: int = 1) -> None:
    """Let the server count positions from elsewhere."""
    from reconciler.sandbox import wire

    original = wire.faults.bad_entries

    def counted(fault: Fault, entries: list[object]) -> list[dict[str, object]]:
        return [{"index": int(str(entry["index"])) + first} for entry in original(fault, entries)]

    monkeypatch.setattr(wire.faults, "bad_entries", counted)


@pytest.mark.parametrize("first", [1, -1])
@pytest.mark.parametrize("pattern", ["..x.....", "x.......", ".......x", "..xx..x.", "xxxxxxx.", ".xxxxxxx", "xxx"])
def test_positions_that_are_counted_otherwise_harm_nobody(
    quick: MortalWorld, monkeypatch: pytest.MonkeyPatch, pattern: str, first: int
) -> None:
    world = quick
    miscount(world, monkeypatch, first=first)
    refuse(world, "index")
    listed(world, pattern)
    world.campaign("one", status="running")
    report = world.apply()
    assert told_lines(report) == bad_lines(pattern)[:6]
    assert len(there(world)) == pattern.count(".")


def test_positions_that_proved_wrong_are_believed_no_more(quick: MortalWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only of the first batch the rest is tried as a whole."""
    world = quick
    miscount(world, monkeypatch)
    refuse(world, "index")
    listed(world, ("." * 5 + "x" + "." * 14) * 3)
    world.campaign("one", status="running")
    world.apply()
    sizes = [request.leads for request in world.sandbox.requests() if request.kind == "enroll"]
    assert (sizes.count(BATCH), sizes.count(BATCH - 1)) == (3, 1)
    assert len(there(world)) == 57


def after_the_nth(monkeypatch: pytest.MonkeyPatch, nth: int, do: Callable[[], object]) -> None:
    """Do something right after the nth request of an enrolment, whatever comes of that."""
    original, count = LeadterraClient.enroll, itertools.count(1)

    def wrapped(*arguments: Any, **named: Any) -> object:
        mine = next(count) == nth
        try:
            return original(*arguments, **named)
        finally:
            if mine:
                do()

    monkeypatch.setattr(LeadterraClient, "enroll", wrapped)


@SHAPES
@pytest.mark.parametrize("how", ["stop", "Ctrl-C", "lock"])
@pytest.mark.parametrize("nth", [1, 2])
def test_nothing_is_asked_once_it_is_stopped(
    quick: MortalWorld, monkeypatch: pytest.MonkeyPatch, names: Naming, how: str, nth: int
) -> None:
    """A mark, Ctrl-C and a lost lock are met between the requests of a batch; the next run does the rest."""
    world, cancelled = quick, threading.Event()
    drafted(world, "one")
    listed(world, "...x..x..." * 3)
    refuse(world, names)
    acts: dict[str, Callable[[], object]] = {
        "stop": lambda: leave_mark(world),
        "Ctrl-C": cancelled.set,
        "lock": lambda: world.session().store.unlock(by="eve@host"),
    }
    after_the_nth(monkeypatch, nth, acts[how])
    report = world.apply(cancelled=cancelled)
    assert asked(world) == nth
    ends = {"stop": {"held"}, "Ctrl-C": {"not attempted"}, "lock": {"not attempted", "unknown"}}
    assert outcomes(report)[0][2] in ends[how]
    assert queued(world) == 0
    assert world.state().operations == {} or how == "lock"
    lift(world)
    until_done(world)
    # What could not be written down any more is sent again, which enrols nobody twice.
    leads = there(world) if how != "lock" else world.sandbox.leads(remote_id(world))
    assert len(leads) == queued(world) == 24


@SHAPES
def test_no_address_anywhere(quick: MortalWorld, names: Naming) -> None:
    """Not in plan, report, receipt, state or history; the first few are told, the others counted."""
    world = quick
    refuse(world, names)
    listed(world, "x." * 30)
    world.campaign("one", status="running")
    before, report = world.plan(), world.apply()
    world.leads("one", rows=[person("one", 0), *([person("one", 1) | {"email": "bad.1@example.com"}])])
    after = world.plan()
    texts = [render_plan(before), render_plan(after), plan_json(before), plan_json(after)]
    texts += [render_report(report, before), report_json(report), world.state().model_dump_json()]
    texts += [item.model_dump_json() for item in world.session().store.history()]
    text = "\n".join(texts)
    assert "b***@***" in text
    assert not re.search(r"example\.com|one\.000|bad\.", text)
    assert told_lines(report) == [2, 4, 6, 8, 10, 12]
    rest = report.diagnostics[-1].message
    assert rest.startswith("And 25 more that Leadterra did not accept: lines 12, 14, ")
    assert "30 leads not accepted by Leadterra" not in text  # by batch
    assert text.count("10 leads not accepted by Leadterra") == 3


@pytest.mark.parametrize("names", [None, "email"])
def test_digests_do_not_tell_whom_the_server_refuses(quick: MortalWorld, names: Naming | None) -> None:
    """A plan that was approved is finished by the same file, and then it is carried out."""
    world = quick
    listed(world, "..x.")
    world.campaign("one", status="running")
    approved = world.plan()
    if names is not None:
        refuse(world, names)
    world.sandbox.add_fault(Fault(kind="start", action="reject", nth=1))
    world.apply()
    left = world.session().plan(approved=approved)
    assert left.moved == {}
    assert [action.kind for action in left.plan.actions] == ["start"]
    assert left.plan.campaigns[0].audience == approved.campaigns[0].audience
    assert left.plan.campaigns[0].content == approved.campaigns[0].content


patterns = st.text(st.sampled_from("...x"), min_size=1, max_size=70) | st.builds(
    lambda good, bad, more: "." * good + "x" * bad + "." * more,
    st.integers(1, 30),
    st.integers(0, 30),
    st.integers(0, 20),
)


def requests_at_most(pattern: str, names: Naming) -> int:
    """Return how many requests an enrolment may take: two a batch, or a search for each bad lead."""
    batches = [pattern[start : start + BATCH] for start in range(0, len(pattern), BATCH)]
    if names != "nothing":
        return 2 * len(batches)
    return sum(1 + 8 + 2 * batch.count("x") * math.ceil(math.log2(BATCH)) for batch in batches)


@contextmanager
def made(pattern: str, names: Naming) -> Iterator[MortalWorld]:
    with tempfile.TemporaryDirectory() as folder:
        world = MortalWorld(Path(folder))
        refuse(world, names)
        listed(world, pattern)
        world.campaign("one", status="running")
        yield world


def hopeless(pattern: str, names: Naming) -> bool:
    """Whether a batch looks as if the refusal were not about leads: nobody is named, and all that are tried are bad."""
    batches = [pattern[start : start + BATCH] for start in range(0, len(pattern), BATCH)]
    probed = [[batch[at * len(batch) // 8] for at in range(8)] for batch in batches if len(batch) > 8]
    return names == "nothing" and any("." not in marks for marks in probed)


many = examples(
    50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@many
@given(pattern=patterns, names=st.sampled_from(NAMINGS))
def test_any_list_gets_through_but_for_its_bad_leads(pattern: str, names: Naming) -> None:
    """All good ones are enrolled exactly once, all bad ones are told, in few requests, and nothing is left to do."""
    assume(not hopeless(pattern, names))
    good, bad = pattern.count("."), pattern.count("x")
    with made(pattern, names) as world:
        report = world.apply()
        assert detail(report, "enroll").startswith(f"{good} enrolled")
        assert len(there(world)) == queued(world) == good
        assert told_lines(report) == bad_lines(pattern)[:6]
        assert asked(world) <= requests_at_most(pattern, names)
        plan = world.plan()
        assert [kind for _, kind, _ in actions(plan)] == ([] if good else ["start"])
        assert plan.campaigns[0].people.refused == bad


@many
@given(pattern=patterns, names=st.sampled_from(NAMINGS), deaths=st.lists(st.integers(1, 40), min_size=1, max_size=3))
def test_killed_anywhere_the_next_run_finishes(pattern: str, names: Naming, deaths: list[int]) -> None:
    """Nobody good is missing, nobody bad is in it, and everybody is written to once.

    The next run cuts batches out of those who are left: so few bad ones never fill one.
    """
    assume("." in pattern and (names != "nothing" or pattern.count("x") < 8))
    with made(pattern, names) as world:
        for death in deaths:
            fate = Fate(boundary=death)
            world.applied(fate)
            note(f"died after {fate.passed}" if fate.dead else "lived")
        until_done(world)
        leads = [lead.email for lead in world.sandbox.leads(remote_id(world))]
        assert len(leads) == queued(world) == pattern.count(".")
        assert not any(email.startswith("bad.") for email in leads)
        assert world.state().operations == {}
        assert world.state().campaigns["one"].expected_enrolled == len(leads)
        assert world.remote("Campaign one").starts == 1
