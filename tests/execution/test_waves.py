"""Batches of one campaign side by side: few at once, none lost, each counted, and few sent again after a crash."""

import itertools
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from execution.acts import detail, drafted, leave_mark, lift, queued, remote_id, running
from execution.interrupted import until_done
from hypothesis import HealthCheck, Phase, given, note
from hypothesis import strategies as st
from support.examples import examples
from support.killing import Fate, MortalWorld
from support.world import Recorder, World, actions, outcomes, person

from reconciler.diagnostics import ApiError, StateError, error
from reconciler.execution import merging
from reconciler.execution.enrolling import SIDE_BY_SIDE
from reconciler.leads.ledger import read_segments
from reconciler.leads.roster import LeadLists
from reconciler.leadterra import retries
from reconciler.leadterra.client import LeadterraClient
from reconciler.model.journal import Record
from reconciler.planning import segments
from reconciler.sandbox.faults import Action, Fault
from reconciler.store.local import LocalStore
from reconciler.upkeep import import_campaign

BATCH = 10
MANY = BATCH * (1 + 2 * SIDE_BY_SIDE) + 3
"""Leads of a first batch, two whole waves, and a wave of one."""


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LeadLists.__init__.__kwdefaults__, "batch_size", BATCH)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def quick(tmp_path: Path) -> MortalWorld:
    return MortalWorld(tmp_path / "world")


class Line:
    """Watches the enrolments of the client: how many are under way at once, and what each of them sends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, during: Callable[[int], object] = lambda _number: None) -> None:
        self.now = 0
        self.most: list[int] = []
        self.sent: list[list[str]] = []
        self._count = itertools.count(1)
        self._lock = threading.Lock()
        original = LeadterraClient.enroll

        def enroll(client: Any, campaign_id: str, leads: Any, **named: Any) -> object:
            with self._lock:
                self.now += 1
                self.most.append(self.now)
                self.sent.append([lead.email for lead in leads])
                number = next(self._count)
            try:
                during(number)
                return original(client, campaign_id, leads, **named)
            finally:
                with self._lock:
                    self.now -= 1

        monkeypatch.setattr(LeadterraClient, "enroll", enroll)


def there(world: World, key: str = "one") -> Counter[int]:
    """Count the leads of a campaign by how often they were sent."""
    return Counter(lead.times_enrolled for lead in world.sandbox.leads(remote_id(world, key)))


def asked(world: World) -> int:
    return world.kinds().count("enroll")


def test_the_first_goes_alone_and_then_some_at_once(quick: MortalWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    meet = threading.Barrier(SIDE_BY_SIDE)

    def during(number: int) -> None:
        if 1 < number <= 1 + 2 * SIDE_BY_SIDE:
            meet.wait(10)  # broken, and an error, unless they are all under way

    line = Line(monkeypatch, during)
    drafted(quick, "one", leads=MANY)
    report = quick.apply()
    assert outcomes(report) == [("one", "enroll", "done"), ("one", "start", "done")]
    assert detail(report, "enroll") == f"{MANY} enrolled"
    assert max(line.most) == SIDE_BY_SIDE
    assert line.most[0] == 1
    assert [len(emails) for emails in line.sent] == [BATCH] * (1 + 2 * SIDE_BY_SIDE) + [3]
    assert there(quick) == {1: MANY}
    assert queued(quick) == MANY


def test_a_wave_is_one_record(quick: MortalWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for the first intent, one between two waves, one for the last outcome: on git each of them is a push."""
    drafted(quick, "one", leads=MANY)
    records: list[Record] = []
    append = LocalStore.append

    def kept(self: LocalStore, record: Record, *, fence: int | None) -> None:
        append(self, record, fence=fence)
        records.append(record)

    monkeypatch.setattr(LocalStore, "append", kept)
    quick.apply()
    waves = [1, SIDE_BY_SIDE, SIDE_BY_SIDE, 1]
    enrolling = [item for item in records if "enroll" in str(item.delta.operations) or item.what == told(3)]
    assert [Counter(intent is None for intent in item.delta.operations.values()) for item in enrolling] == [
        +Counter({True: before, False: after}) for before, after in zip([0, *waves], [*waves, 0], strict=True)
    ]
    assert [item.what for item in enrolling] == [(), told(10), told(40), told(40), told(3)]


def told(leads: int) -> tuple[str]:
    return (f"one: {leads} leads enrolled",)


def test_new_people_come_first(quick: MortalWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed ones follow when they are all in, in waves of their own, and add nobody."""
    running(quick, "one", leads=25)
    rows = [person("one", number) | {"company": "New Company"} for number in range(65)]
    quick.leads("one", rows=rows)
    line = Line(monkeypatch)
    report = quick.apply()
    assert detail(report, "enroll") == "40 enrolled, 25 brought up to date"
    known = {row["email"] for row in rows[:25]}
    kinds = ["changed" if known >= set(emails) else "new" for emails in line.sent]
    assert kinds == ["new"] * 4 + ["changed"] * 3
    assert not any(known & set(emails) for emails in line.sent[:4])
    assert quick.state().campaigns["one"].expected_enrolled == 65
    assert {lead.fields["company"] for lead in quick.sandbox.leads(remote_id(quick))} == {"New Company"}
    assert quick.plan().actions == ()


def test_progress_never_goes_back(quick: MortalWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    Line(monkeypatch, lambda number: time.sleep(0.01 * (number % 3)))
    drafted(quick, "one", leads=MANY)
    sink = Recorder()
    quick.apply(sink=sink)
    told = [int(words.partition(":")[2].partition("/")[0]) for kind, words in sink.events if kind == "enrolled"]
    assert len(told) == 2 + 2 * SIDE_BY_SIDE
    assert told == sorted(told)
    assert told[-1] == MANY


@pytest.mark.parametrize("action", ["reject", "drop_before", "drop"])
def test_where_one_fails_the_others_are_kept_and_nothing_more_is_sent(quick: MortalWorld, action: Action) -> None:
    """What failed is told, also what may have been carried out; the next run sends just that, and the rest."""
    drafted(quick, "one", leads=MANY)
    if action == "reject":
        quick.sandbox.add_fault(Fault(kind="enroll", action=action, nth=3))
        mend = quick.sandbox.clear_faults
    else:
        mend = only_for(quick, 3, action)
    report = quick.apply()
    assert outcomes(report)[0] == ("one", "enroll", "failed" if action == "reject" else "unknown")
    whole = BATCH * SIDE_BY_SIDE
    assert f"before that: {whole} of {MANY} leads were enrolled" in detail(report, "enroll")
    assert quick.state().campaigns["one"].expected_enrolled == whole
    assert len(quick.state().operations) == (0 if action == "reject" else 1)
    mend()
    before = asked(quick)
    assert {outcome for _, _, outcome in outcomes(quick.apply())} == {"done"}
    assert asked(quick) - before == (MANY - whole + BATCH - 1) // BATCH
    assert there(quick)[1] >= MANY - BATCH
    assert queued(quick) == quick.state().campaigns["one"].expected_enrolled == MANY


def only_for(world: World, number: int, action: Action) -> Callable[[], None]:
    """Break every attempt of the call that comes as the nth enrolment, known by what it sends; return what ends it."""
    mine: list[bytes] = []
    count = itertools.count(1)
    inner = world.app.wsgi_app
    lock = threading.Lock()

    def broken(environ: Any, respond: Any) -> Any:
        if not environ["PATH_INFO"].endswith("/leads/bulk"):
            return inner(environ, respond)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = BytesIO(body)
        with lock:
            if next(count) == number:
                mine.append(body)
        if body not in mine:
            return inner(environ, respond)
        if action == "drop":
            list(inner(environ, lambda *_: None))
        raise ConnectionResetError

    world.app.wsgi_app = broken  # type: ignore[method-assign]
    return lambda: setattr(world.app, "wsgi_app", inner)


@pytest.mark.parametrize("action", ["drop", "half", "error500_after", "rate", "error503"])
def test_lost_answers_and_busy_servers_count_right(quick: MortalWorld, action: Action) -> None:
    """Several of a wave meet it: their first tries were carried out, or not, and all of them are ours."""
    drafted(quick, "one", leads=MANY)
    retry = {"retry_after": 0} if action in {"rate", "error503"} else {}
    quick.sandbox.add_fault(Fault(kind="enroll", action=action, nth=3, times=3, **retry))  # type: ignore[arg-type]
    report = quick.apply()
    assert outcomes(report) == [("one", "enroll", "done"), ("one", "start", "done")]
    assert detail(report, "enroll") == f"{MANY} enrolled"
    assert quick.state().campaigns["one"].expected_enrolled == queued(quick) == MANY
    assert quick.plan().actions == ()


@pytest.mark.parametrize("strangers", [range(12, 14), range(12, 45), range(MANY)])
def test_whom_somebody_else_enrolled_meanwhile_is_there_once(quick: MortalWorld, strangers: range) -> None:
    """In one batch of a wave, in all of them, or everybody: never are more expected than the server counts."""
    running(quick, "one", leads=1)
    quick.leads("one", MANY)
    leads = [{"email": person("one", number)["email"], "firstName": "X"} for number in strangers]
    quick.apply(meanwhile=lambda: quick.sandbox.enroll(remote_id(quick), {"leads": leads}))
    assert quick.state().campaigns["one"].expected_enrolled == MANY
    assert len(quick.sandbox.leads(remote_id(quick))) == queued(quick) == MANY
    assert quick.plan().actions == ()


def test_whom_an_import_found_in_it_is_not_counted_again(quick: MortalWorld) -> None:
    """Their batches add fewer than they say, beside others that add all of theirs."""
    running(quick, "one", leads=1)
    leads = [{"email": person("one", number)["email"], "firstName": "X"} for number in (12, 13, 25, 61, 62, 92)]
    quick.sandbox.enroll(remote_id(quick), {"leads": leads})
    import_campaign(quick.session(), "one", remote_id(quick), owner="test")
    assert quick.state().campaigns["one"].outside == len(leads)
    quick.leads("one", MANY)
    assert outcomes(quick.apply()) == [("one", "enroll", "done")]
    entry = quick.state().campaigns["one"]
    assert (entry.accepted, entry.expected_enrolled) == (MANY - len(leads), MANY)
    assert len(quick.sandbox.leads(remote_id(quick))) == queued(quick) == MANY
    assert quick.plan().actions == ()


def test_a_lost_answer_while_a_batch_looks_for_its_bad_leads_counts_right(quick: MortalWorld) -> None:
    """What the server calls known then is ours, and only the counters tell it, once the batch is through."""
    rows = [person("one", number) for number in range(BATCH)]
    rows[-1]["email"] = "bad@example.com"
    quick.leads("one", rows=rows)
    quick.campaign("one", status="running")
    quick.sandbox.add_fault(Fault(kind="enroll", action="drop", nth=2))
    quick.sandbox.add_fault(Fault(kind="enroll", action="reject_leads", names="nothing"))
    report = quick.apply()
    assert detail(report, "enroll") == f"{BATCH - 1} enrolled, 1 not accepted by Leadterra"
    assert outcomes(report)[-1] == ("one", "start", "done")
    assert quick.state().campaigns["one"].expected_enrolled == queued(quick) == BATCH - 1
    assert quick.state().operations == {}


def test_a_batch_that_looks_for_its_bad_leads_ends_where_another_fails(
    quick: MortalWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [person("one", number) for number in range(MANY)]
    rows[13]["email"] = "bad@example.com"
    quick.leads("one", rows=rows)
    quick.campaign("one", status="running")
    quick.sandbox.add_fault(Fault(kind="enroll", action="reject_leads", names="nothing"))

    def during(number: int) -> None:
        if rows[30]["email"] in line.sent[number - 1]:
            raise ApiError(error("api-refused", "Not this one."), sent=False)
        time.sleep(0.2)

    line = Line(monkeypatch, during)
    report = quick.apply()
    assert outcomes(report)[1] == ("one", "enroll", "failed")
    assert detail(report, "enroll") == f"Not this one.; before that: 30 of {MANY} leads were enrolled"
    assert asked(quick) == SIDE_BY_SIDE


def test_the_counters_are_read_when_nothing_else_is_under_way(
    quick: MortalWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost answer beside others that take longer: what these add is not taken for its own."""
    drafted(quick, "one", leads=MANY)
    line = Line(monkeypatch, lambda number: time.sleep(0.05 if number in {3, 4, 5} else 0))
    read: list[int] = []
    stats = LeadterraClient.stats

    def watched(client: Any, campaign_id: str) -> object:
        read.append(line.now)
        return stats(client, campaign_id)

    monkeypatch.setattr(LeadterraClient, "stats", watched)
    quick.sandbox.add_fault(Fault(kind="enroll", action="drop", nth=2))
    assert {outcome for _, _, outcome in outcomes(quick.apply())} == {"done"}
    assert set(read) == {0}
    assert quick.state().campaigns["one"].expected_enrolled == MANY


@pytest.mark.parametrize("how", ["stop", "Ctrl-C", "lock"])
def test_what_is_under_way_is_finished_and_no_wave_follows(quick: MortalWorld, how: str) -> None:
    drafted(quick, "one", leads=MANY)
    cancelled = threading.Event()
    acts: dict[str, Callable[[], object]] = {
        "stop": lambda: leave_mark(quick, "one"),
        "Ctrl-C": cancelled.set,
        "lock": lambda: quick.session().store.unlock(by="eve@host"),
    }
    meet = threading.Barrier(SIDE_BY_SIDE)

    def during(number: int) -> None:
        if number > 1 and meet.wait(10) == 0:
            acts[how]()

    with pytest.MonkeyPatch.context() as patch:
        Line(patch, during)
        report = quick.apply(cancelled=cancelled)
    assert outcomes(report)[0][2] in {"stop": {"held"}, "Ctrl-C": {"not attempted"}, "lock": {"unknown"}}[how]
    words = f"before that: {BATCH * (1 + SIDE_BY_SIDE)} of {MANY} leads were enrolled"
    if how != "lock":
        assert words in detail(report, "enroll")
        assert quick.state().campaigns["one"].expected_enrolled == BATCH * (1 + SIDE_BY_SIDE)
        assert quick.state().operations == {}
    assert asked(quick) <= 1 + SIDE_BY_SIDE
    assert queued(quick) == 0
    lift(quick, "one")
    until_done(quick)
    assert len(quick.sandbox.leads(remote_id(quick))) == queued(quick) == MANY


def test_a_mark_that_is_left_during_a_long_wait_for_a_slot_is_seen(
    quick: MortalWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The intents of a wave are durable, and one after the other waits for the rate: the mark ends that."""
    monkeypatch.setattr(retries, "_LONG_WAIT", 0.05)
    drafted(quick, "one", leads=MANY)
    paces: list[Any] = []
    client = LeadterraClient.__init__

    def slow(self: Any, *arguments: Any, **named: Any) -> None:
        client(self, *arguments, **named)
        paces.append(self._transport._pace)

    def during(number: int) -> None:
        if number == 2:
            for pace in paces:
                pace._least_interval = pace._interval = 0.3
                pace._next_slot = pace._clock() + 0.3
            leave_mark(quick, "one")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LeadterraClient, "__init__", slow)
        Line(patch, during)
        report = quick.apply()
    assert outcomes(report)[0] == ("one", "enroll", "held")
    assert asked(quick) <= SIDE_BY_SIDE
    lift(quick, "one")
    until_done(quick)
    assert queued(quick) == MANY


def test_bad_leads_in_several_batches_of_a_wave(quick: MortalWorld) -> None:
    """Each batch finds its own, none is asked for twice, and all are told in the order of the list."""
    rows = [person("one", number) for number in range(MANY)]
    bad = [3, 14, 27, 28, 45, 69, 92]
    for number in bad:
        rows[number]["email"] = f"bad.{rows[number]['email']}"
    quick.leads("one", rows=rows)
    quick.campaign("one", status="running")
    quick.sandbox.add_fault(Fault(kind="enroll", action="reject_leads", prefix="bad.", names="index"))
    report = quick.apply()
    assert detail(report, "enroll") == f"{MANY - len(bad)} enrolled, {len(bad)} not accepted by Leadterra"
    assert [item.line for item in report.diagnostics][:5] == [number + 2 for number in bad[:5]]
    assert quick.state().campaigns["one"].expected_enrolled == queued(quick) == MANY - len(bad)
    assert quick.plan().actions == ()


@contextmanager
def made(leads: int) -> Iterator[MortalWorld]:
    with tempfile.TemporaryDirectory() as folder:
        world = MortalWorld(Path(folder))
        world.leads("one", leads)
        world.campaign("one", status="running")
        yield world


kills = examples(
    20,
    least=4,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@kills
@given(death=st.integers(1, 60))
def test_killed_anywhere_few_are_sent_again(death: int) -> None:
    """At most those of one wave; the others are not asked for again, and the counts are right."""
    with made(MANY) as world:
        fate = Fate(boundary=death)
        world.applied(fate)
        note(f"died after {fate.passed[-1]}" if fate.dead else "lived")
        until_done(world)
        sent = there(world)
        assert sent[1] + sent[2] == MANY
        assert sent[2] <= BATCH * SIDE_BY_SIDE
        assert asked(world) <= -(-MANY // BATCH) + SIDE_BY_SIDE
        entry = world.state().campaigns["one"]
        assert world.state().operations == {}
        assert entry.expected_enrolled == queued(world) == MANY
        assert world.remote("Campaign one").starts == 1


def ledger_of(world: World) -> dict[bytes, bytes]:
    store = world.session().store
    return read_segments(store.get_blob(name) for name in store.read().campaigns["one"].ledger)


@kills
@given(deaths=st.lists(st.integers(1, 45), max_size=3), most=st.integers(1, 8))
def test_killed_while_ledgers_are_merged_nobody_is_forgotten(deaths: list[int], most: int) -> None:
    """What is merged says the same; names of few segments are left, and nobody is new on the same list."""
    with pytest.MonkeyPatch.context() as patch, made(MANY) as world:
        patch.setattr(segments, "MOST_SEGMENTS", most)
        for death in deaths:
            world.applied(Fate(boundary=death))
        until_done(world)
        assert len(ledger_of(world)) == MANY
        rows = [person("one", number) | {"company": f"Company {number % 2}"} for number in range(MANY + 5)]
        world.leads("one", rows=rows)
        before = ledger_of(world)
        for death in deaths:
            world.applied(Fate(boundary=death))
        until_done(world)
        after = ledger_of(world)
        assert len(after) == MANY + 5
        assert sum(after[address] != fields for address, fields in before.items()) == MANY - 2
        entry = world.state().campaigns["one"]
        assert entry.expected_enrolled == queued(world) == MANY + 5
        assert actions(world.plan()) == []


def test_refusals_are_merged_too(quick: MortalWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """They stay remembered, row by row."""
    monkeypatch.setattr(segments, "MOST_SEGMENTS", 2)
    rows = [person("one", number) for number in range(40)]
    for number in (5, 15, 25, 35):
        rows[number]["email"] = f"bad.{rows[number]['email']}"
    quick.leads("one", rows=rows)
    quick.campaign("one", status="running")
    quick.sandbox.add_fault(Fault(kind="enroll", action="reject_leads", prefix="bad."))
    quick.apply()
    entry = quick.state().campaigns["one"]
    assert (len(entry.ledger), len(entry.refused)) == (1, 1)
    plan = quick.plan()
    assert plan.actions == ()
    assert plan.campaigns[0].people.refused == 4


def test_a_merge_that_cannot_be_written_harms_nothing(quick: MortalWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The enrolment is done and the start is called; another run merges."""

    def full(*_: object) -> bytes:
        raise StateError(error("state-write", "No space left on device."))

    monkeypatch.setattr(segments, "MOST_SEGMENTS", 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "merged", full)
        running(quick, "one", leads=MANY)
    assert queued(quick) == MANY
    assert len(quick.state().campaigns["one"].ledger) == 10
    quick.leads("one", MANY + 1)
    assert {outcome for _, _, outcome in outcomes(quick.apply())} == {"done"}
    assert len(quick.state().campaigns["one"].ledger) == 1


def test_a_plan_that_is_made_while_a_ledger_is_merged_reads_on(quick: MortalWorld) -> None:
    """What a state speaks of that was read before stays readable."""
    running(quick, "one", leads=MANY)
    session = quick.session()
    old = session.store.read().campaigns["one"].ledger
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "MOST_SEGMENTS", 3)
        quick.leads("one", MANY + 1)
        quick.apply()
    assert len(quick.state().campaigns["one"].ledger) == 1
    assert len(read_segments(session.store.get_blob(name) for name in old)) == MANY
