"""What could not be read is unknown, never absent; what the server can do is learned once."""

from collections.abc import Callable

import pytest
from execution.acts import drafted, remote_id, running
from support.world import World, actions, outcomes

from reconciler.diagnostics import ApiError, CallMissingError, CampaignGoneError, error
from reconciler.execution.reading import WORKERS, Reader, from_state
from reconciler.model.live import Capabilities, LiveCampaign, LiveStatus, RemoteCampaign, Stats
from reconciler.model.state import CampaignState
from reconciler.sandbox.faults import Action, Fault
from reconciler.sandbox.options import SandboxOptions

KNOWN = CampaignState(id="camp_1", name="One", file="one.yaml", status="draft", steps_digest="d")
NOTHING_SENT = Stats(total_enrolled=3, sent=0, queued=0)


class Server:
    """Answers what it was made with; an exception is raised."""

    def __init__(self, stats: Stats | Exception, shown: RemoteCampaign | Exception) -> None:
        self._stats, self._shown = stats, shown
        self.asked = 0

    def stats(self, _campaign_id: str) -> Stats:
        if isinstance(self._stats, Exception):
            raise self._stats
        return self._stats

    def campaign(self, _campaign_id: str) -> RemoteCampaign:
        self.asked += 1
        if isinstance(self._shown, Exception):
            raise self._shown
        return self._shown


def read(
    stats: Stats | Exception = NOTHING_SENT,
    shown: RemoteCampaign | Exception | None = None,
    known: CampaignState = KNOWN,
    leftovers: tuple[str, ...] = (),
) -> LiveCampaign:
    missing = CallMissingError(error("api-call-missing", "no such call"))
    server = Server(stats, shown or missing)
    return Reader(server, Capabilities()).campaign(known, leftovers)  # type: ignore[arg-type]


FAILED = ApiError(error("api-refused", "no"))
GONE = CampaignGoneError(error("api-campaign-gone", "not known"))


@pytest.mark.parametrize(
    ("live", "status", "said"),
    [
        (read(stats=FAILED), "unknown", True),
        (read(stats=GONE), "gone", True),
        (read(shown=FAILED), "unknown", True),
        (read(shown=GONE), "unknown", True),  # its counters are there, so it is not gone
        (read(shown=RemoteCampaign(id="camp_1", status="paused")), "paused", True),
        (read(shown=RemoteCampaign(id="camp_1")), "draft", False),
        (read(shown=RemoteCampaign(id="camp_1", status="archived")), "unknown", True),
        (read(stats=NOTHING_SENT.model_copy(update={"status": "running"})), "running", True),
        (read(stats=NOTHING_SENT.model_copy(update={"status": "RUNNING"})), "unknown", True),
        (read(stats=NOTHING_SENT.model_copy(update={"queued": 1})), "running", False),
        (read(stats=NOTHING_SENT.model_copy(update={"sent": 1})), "running", False),
        (read(), "draft", False),
        (read(stats=NOTHING_SENT.model_copy(update={"sent": 1}), known=KNOWN.model_copy(update={"status": "paused"})),
         "paused", False),
    ],
)  # fmt: skip
def test_the_status_and_whether_the_server_said_it(live: LiveCampaign, status: str, *, said: bool) -> None:
    assert live.status == status
    assert live.status_read is said
    assert (live.problem is not None) is (status == "unknown")


def test_a_full_answer_wins_over_the_counters() -> None:
    stats = NOTHING_SENT.model_copy(update={"status": "draft"})
    assert read(stats=stats, shown=RemoteCampaign(id="camp_1", status="running")).status is LiveStatus.RUNNING


@pytest.mark.parametrize(
    ("stats", "found"),
    [(NOTHING_SENT, NOTHING_SENT), (GONE, Stats(total_enrolled=0, sent=0, queued=0)), (FAILED, None)],
)
def test_leftovers_are_read_and_one_that_is_gone_cannot_send(stats: Stats | Exception, found: Stats | None) -> None:
    class Two(Server):
        def stats(self, campaign_id: str) -> Stats:
            return NOTHING_SENT if campaign_id == "camp_1" else super().stats(campaign_id)

    reader = Reader(Two(stats, RemoteCampaign(id="camp_1")), Capabilities())  # type: ignore[arg-type]
    assert reader.campaign(KNOWN, ["camp_0"]).leftovers == {"camp_0": found}


def test_a_call_that_is_missing_is_asked_for_once() -> None:
    server = Server(NOTHING_SENT, CallMissingError(error("api-call-missing", "no such call")))
    reader = Reader(server, Capabilities())  # type: ignore[arg-type]
    for _ in range(5):
        assert reader.campaign(KNOWN).status is LiveStatus.DRAFT
    assert server.asked == 1
    assert reader.capabilities.get_campaign is False


def test_a_failure_teaches_nothing() -> None:
    reader = Reader(Server(NOTHING_SENT, FAILED), Capabilities())  # type: ignore[arg-type]
    reader.campaign(KNOWN)
    assert reader.capabilities == Capabilities()


def test_a_server_without_the_call_is_hardly_bothered(make_world: Callable[..., World]) -> None:
    """Threads that begin together may each ask once; it is kept in the state, and no later run asks."""
    world = make_world(SandboxOptions(undocumented_calls=frozenset()))
    for number in range(20):
        world.campaign(f"c{number}", sequenceSteps=[{"subject": f"S{number}", "bodyText": f"T{number}"}])
    world.apply()
    assert 1 <= world.kinds().count("get") <= WORKERS
    asked = world.kinds().count("get")
    world.plan()
    world.apply()
    assert world.kinds().count("get") == asked
    assert world.state().capabilities.get_campaign is False


@pytest.mark.parametrize("action", ["drop", "error500", "html", "half", "reject"])
def test_counters_that_cannot_be_read_make_a_campaign_unknown(world: World, action: Action) -> None:
    """Nothing is created, updated or sent from an unknown, and the plan says which."""
    drafted(world, "one")
    before = world.writes()
    world.sandbox.add_fault(Fault(kind="stats", action=action))
    planned = world.session().plan()
    assert planned.inputs.live.campaigns["one"].status is LiveStatus.UNKNOWN
    assert actions(planned.plan) == []
    assert [item.code for item in planned.plan.diagnostics if item.severity == "error"] == ["unread"]
    assert outcomes(world.apply()) == []
    assert world.writes() == before


@pytest.mark.parametrize("kind", ["pools", "accounts"])
def test_pools_and_accounts_that_cannot_be_read_hold_what_sends(world: World, kind: str) -> None:
    drafted(world, "one")
    world.sandbox.add_fault(Fault(kind=kind, action="html"))  # type: ignore[arg-type]
    assert outcomes(world.apply()) == [("one", "enroll", "held"), ("one", "start", "held")]
    assert world.state().binding is not None
    assert world.state().binding.pools  # type: ignore[union-attr]


def test_without_asking_the_state_is_taken_for_what_is_live(world: World) -> None:
    running(world, "one")
    before = len(world.sandbox.requests())
    live = world.session().plan(refresh=False).inputs.live
    assert live == from_state(world.state(), world.state().campaigns)
    assert (live.refreshed, live.campaigns["one"].status, live.campaigns["one"].id) == (
        False,
        LiveStatus.RUNNING,
        remote_id(world),
    )
    assert len(world.sandbox.requests()) == before
