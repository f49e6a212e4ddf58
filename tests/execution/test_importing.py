"""Taking over what exists: what is read is kept, what cannot be read is told, and nothing is changed on the server."""

from collections.abc import Callable

import pytest
from execution.acts import drafted, enroll_stranger, pools, queued, remote_id, running
from support.world import World, actions, outcomes, person

from reconciler.diagnostics import ReconcilerError, StateError
from reconciler.model.live import LiveStatus
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.options import UNDOCUMENTED, SandboxOptions
from reconciler.sandbox.records import Status
from reconciler.upkeep import import_campaign

ELSEWHERE = {
    "name": "Made elsewhere",
    "sequenceSteps": [{"subject": "From the dashboard", "bodyHtml": "<p>Hi {{firstName}}</p>", "delayDays": 0}],
}


@pytest.fixture(params=[UNDOCUMENTED, frozenset()], ids=["readable", "unreadable"])
def any_world(request: pytest.FixtureRequest, make_world: Callable[..., World]) -> World:
    return make_world(SandboxOptions(undocumented_calls=request.param))


def readable(world: World) -> bool:
    return "get" in world.options.undocumented_calls


def elsewhere(world: World, status: Status = "draft", leads: int = 2) -> str:
    """Let somebody make a campaign in the dashboard, with people of our list in it."""
    made = world.sandbox.create(ELSEWHERE).id
    if leads:
        world.sandbox.enroll(made, {"leads": [person("one", number) for number in range(leads)]})
    if status != "draft":
        world.sandbox.set_status(made, "running")
        world.sandbox.set_status(made, status)
    return made


@pytest.mark.parametrize("status", ["draft", "running", "paused"])
def test_a_campaign_as_it_is(any_world: World, status: Status) -> None:
    """Its status, its leads, and its steps where they can be read; what cannot be read is told."""
    world = any_world
    campaign_id = elsewhere(world, status)
    world.leads("one", 2)
    world.campaign("one")
    before = world.writes()
    entry, told = import_campaign(world.session(), "one", campaign_id, owner="test")
    assert (entry.id, entry.status, entry.outside, entry.expected_enrolled) == (campaign_id, status, 2, 2)
    assert (entry.started_at is None) is (status == "draft")
    assert not entry.paused_by_us
    assert world.state().campaigns == {"one": entry}
    assert world.state().binding is not None
    assert world.writes() == before
    assert any("2 of its leads are not in our records" in words for words in told)
    assert any("cannot be read back" in words for words in told) is not readable(world)


def test_after_an_import_the_plan_shows_the_real_differences_only(any_world: World) -> None:
    world = any_world
    campaign_id = elsewhere(world)
    world.campaign("one", name="Made elsewhere")
    import_campaign(world.session(), "one", campaign_id, owner="test")
    planned = world.plan()
    if readable(world):
        assert actions(planned) == [("one", "update", "ready")]
        assert all(change.path.startswith("sequenceSteps") for change in planned.actions[0].changes)
    else:
        assert actions(planned) == []


def test_a_file_that_is_the_same_has_nothing_to_change(any_world: World) -> None:
    world = any_world
    campaign_id = elsewhere(world)
    world.campaign("one", **ELSEWHERE)
    import_campaign(world.session(), "one", campaign_id, owner="test")
    assert actions(world.plan()) == []


def test_a_running_campaign_gets_only_the_people_it_lacks(any_world: World) -> None:
    world = any_world
    campaign_id = elsewhere(world, "running")
    world.leads("one", 3)
    world.campaign("one", status="running", **ELSEWHERE)
    import_campaign(world.session(), "one", campaign_id, owner="test")
    assert outcomes(world.apply()) == [("one", "enroll", "done")]
    assert queued(world) == 3
    assert world.state().campaigns["one"].expected_enrolled == 3
    assert actions(world.plan()) == []


def test_a_paused_campaign_is_not_resumed_by_itself(any_world: World) -> None:
    world = any_world
    campaign_id = elsewhere(world, "paused")
    world.leads("one", 2)
    world.campaign("one", status="running", **ELSEWHERE)
    import_campaign(world.session(), "one", campaign_id, owner="test")
    report = world.apply()
    assert {outcome for _, _, outcome in outcomes(report)} == {"held"}
    assert world.remote("Made elsewhere").status == "paused"


def test_importing_again_accepts_the_leads_of_somebody_else(any_world: World) -> None:
    """The way out that the blocked plan names: a new draft takes over, without the leads that nobody here can check."""
    world = any_world
    drafted(world, "one")
    enroll_stranger(world)
    report = world.apply()
    assert {outcome for _, _, outcome in outcomes(report)} == {"blocked"}
    entry, _ = import_campaign(world.session(), "one", remote_id(world), owner="test")
    assert (entry.outside, entry.expected_enrolled) == (1, 1)
    assert {outcome for _, _, outcome in outcomes(world.apply())} == {"done"}
    assert queued(world) == 3


def test_importing_again_keeps_ledger_and_pause(world: World) -> None:
    running(world, "one")
    world.campaign("one", status="paused")
    world.apply()
    before = world.state().campaigns["one"]
    world.sandbox.set_counters(remote_id(world), {"totalEnrolled": 2})
    entry, told = import_campaign(world.session(), "one", before.id, owner="test")
    assert (entry.ledger, entry.cohorts, entry.paused_by_us) == (before.ledger, before.cohorts, True)
    assert (entry.outside, entry.expected_enrolled) == (-1, 2)
    assert told == ("1 of the leads enrolled from here are no longer in it",)


def test_a_campaign_that_was_let_go_keeps_the_memory_of_who_was_written_to(world: World) -> None:
    """Imported under another key, too: nobody of its list is new."""
    running(world, "one")
    campaign_id = remote_id(world)
    world.campaign("one", status="archived")
    world.apply()
    world.campaign("two", name="Campaign one", status="paused", leads={"source": "leads:one.csv"})
    entry, told = import_campaign(world.session(), "two", campaign_id, owner="test")
    assert (entry.accepted, entry.outside, entry.status) == (3, 0, "paused")
    assert told == ()
    assert world.state().tombstones == {}
    assert world.session().plan().inputs.rosters["two"].new == 0


@pytest.mark.parametrize("key", ["one", "nobody"])
def test_a_key_without_a_file_is_refused(world: World, key: str) -> None:
    world.campaign("ones")
    with pytest.raises(ReconcilerError) as caught:
        import_campaign(world.session(), key, "camp_1", owner="test")
    (problem,) = caught.value.diagnostics
    assert problem.code == "import-key"
    assert problem.hint == ("did you mean ones?" if key == "one" else "write its file first")


def test_what_is_managed_already_is_refused(world: World) -> None:
    drafted(world, "one", "two")
    for key, campaign_id in (("two", remote_id(world, "one")), ("one", "camp_other")):
        with pytest.raises(ReconcilerError) as caught:
            import_campaign(world.session(), key, campaign_id, owner="test")
        assert caught.value.diagnostics[0].code == "import-taken"


def test_what_cannot_be_read_is_refused(world: World) -> None:
    world.campaign("one")
    campaign_id = elsewhere(world)
    world.sandbox.add_fault(Fault(kind="stats", action="reject", nth=1))
    for wanted in (campaign_id, "camp_unknown"):
        with pytest.raises(ReconcilerError) as caught:
            import_campaign(world.session(), "one", wanted, owner="test")
        assert caught.value.diagnostics[0].code == "import-unread"
    assert world.state().campaigns == {}


def test_another_workspace_is_refused(world: World) -> None:
    drafted(world, "one")
    campaign_id = elsewhere(world)
    world.campaign("two", **ELSEWHERE)
    from reconciler.sandbox.records import PoolSpec

    world.sandbox.set_pools([PoolSpec("Somebody else's", 1, 1, ("active",))])
    with pytest.raises(StateError) as caught:
        import_campaign(world.session(), "two", campaign_id, owner="test")
    assert caught.value.diagnostics[0].code == "state-binding"
    pools(world, 10)
    assert set(world.state().campaigns) == {"one"}


def test_an_import_waits_for_no_apply(world: World) -> None:
    """Both change the same entries: the lease keeps them apart."""
    drafted(world, "one")
    with world.session().lease("somebody"), pytest.raises(StateError) as caught:
        import_campaign(world.session(), "one", remote_id(world), owner="test")
    assert caught.value.diagnostics[0].code == "state-locked"
    assert LiveStatus(world.state().campaigns["one"].status) is LiveStatus.DRAFT
