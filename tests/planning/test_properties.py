"""What holds for every plan, whatever the files, the state and the server are."""

import random
from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples
from support.planrun import carry_out
from support.plans import failed, ready
from support.planworlds import PEOPLE, World, address, hashed, worlds

from reconciler.diagnostics import Severity, has_errors
from reconciler.model.live import LiveStatus
from reconciler.model.plan import ActionStatus, Effect, Kind, Plan
from reconciler.model.workspace import Desired
from reconciler.planning.guards import combine
from reconciler.planning.planner import make_plan

SOME = examples(60)


def shuffled(world: World, order: random.Random) -> World:
    """Return the same world, read in another order."""

    def mix(items: dict) -> dict:
        pairs = list(items.items())
        order.shuffle(pairs)
        return dict(pairs)

    campaigns = list(world.desired.campaigns)
    order.shuffle(campaigns)
    return replace(
        world,
        desired=world.desired.model_copy(update={"campaigns": tuple(campaigns)}),
        state=world.state.model_copy(
            update={"campaigns": mix(world.state.campaigns), "tombstones": mix(world.state.tombstones)}
        ),
        there=mix(world.there),
    )


def without_base(plan: Plan) -> Plan:
    """Leave out what covers `Desired` as it stands: its order is the loader's."""
    return plan.model_copy(update={"base": plan.base.model_copy(update={"specs": ""})})


@SOME
@given(world=worlds(), order=st.randoms(use_true_random=False))
def test_equal_inputs_make_equal_plans_in_whatever_order_they_arrived(world: World, order: random.Random) -> None:
    plan = make_plan(world.inputs())
    assert make_plan(world.inputs()) == plan
    assert without_base(make_plan(shuffled(world, order).inputs())) == without_base(plan)


@SOME
@given(world=worlds(calm=True))
def test_after_an_apply_in_which_nothing_waited_there_is_nothing_left_to_do(world: World) -> None:
    """Design §7.4."""
    plan = make_plan(world.inputs())
    assert [action for action in plan.actions if action.status is not ActionStatus.READY] == []
    assert not has_errors(plan.diagnostics)
    after = make_plan(carry_out(world, plan).inputs())
    assert after.actions == ()
    assert after.summary.new_recipients == 0


@SOME
@given(world=worlds())
def test_applying_again_and_again_comes_to_rest_and_writes_to_nobody_twice(world: World) -> None:
    """What is not known stays so, and is paused each time; everything else that is ready is done once."""
    world = replace(world, refreshed=True, patch=world.patch is not False)
    for _ in range(4):
        world = carry_out(world, make_plan(world.inputs()))
    left = [action for action in ready(make_plan(world.inputs())) if action.kind is not Kind.PAUSE]
    assert left == []
    assert [pair for pair, count in world.written.items() if count > 1] == []


@SOME
@given(world=worlds())
def test_as_many_are_written_to_as_the_plan_says(world: World) -> None:
    world = replace(world, refreshed=True)
    plan = make_plan(world.inputs())
    after = carry_out(world, plan)
    fresh = Counter(after.written)
    fresh.subtract(world.written)
    by_key = Counter({key: 0 for key, _ in fresh})
    for (key, _), count in fresh.items():
        by_key[key] += count
    told = {item.key: item.people.receive for item in plan.campaigns}
    assert {key: count for key, count in by_key.items() if count} == {key: n for key, n in told.items() if n}
    assert plan.summary.new_recipients == sum(told.values())


@SOME
@given(world=worlds())
def test_nothing_irreversible_is_ready_on_a_failed_check_or_an_unknown_fact(world: World) -> None:
    inputs = world.inputs()
    for action in make_plan(inputs).actions:
        if action.effect is not Effect.IRREVERSIBLE or action.status is not ActionStatus.READY:
            continue
        assert failed(action) == set()
        assert {"stop", "steps", "senders", "capacity"} <= {item.id for item in action.guards}
        if inputs.live.refreshed:
            assert all(item.passed for item in action.guards)
            assert inputs.live.pools is not None
            assert inputs.live.accounts
            assert all(item.status is not LiveStatus.UNKNOWN for item in inputs.live.campaigns.values())
            assert all(item.stats for item in inputs.live.campaigns.values() if item.status is LiveStatus.RUNNING)
            assert action.campaign not in world.absent | world.blank


@SOME
@given(world=worlds())
def test_the_status_of_what_sends_is_what_its_checks_say(world: World) -> None:
    for action in make_plan(world.inputs()).actions:
        if action.guards:
            assert action.effect is Effect.IRREVERSIBLE
            assert action.status is combine(action.guards)
        elif action.effect is Effect.IRREVERSIBLE:
            assert action.status is ActionStatus.BLOCKED


@SOME
@given(world=worlds())
def test_what_somebody_else_paused_is_never_resumed(world: World) -> None:
    inputs = world.inputs()
    former = {item.key: item for item in world.subjects()}
    for action in ready(make_plan(inputs)):
        subject = former[action.campaign]
        there = inputs.live.campaigns.get(subject.known_key)
        if there is not None and there.status is LiveStatus.PAUSED and action.effect is Effect.IRREVERSIBLE:
            assert subject.known is not None
            assert subject.known.paused_by_us


@SOME
@given(world=worlds())
def test_a_pause_waits_for_nothing_but_who_is_who(world: World) -> None:
    """Pausing is always allowed (design §1); a look-alike or protected campaign alone is left as it is."""
    for action in make_plan(world.inputs()).actions:
        if action.kind is Kind.PAUSE and action.status is not ActionStatus.READY:
            assert action.status is ActionStatus.BLOCKED
            assert any(word in action.reason for word in ("protected", "looks like a rename", "are managed"))


@SOME
@given(world=worlds())
def test_nothing_is_done_beside_the_targets(world: World) -> None:
    keys = frozenset(item.key for item in world.desired.campaigns[:1])
    plan = make_plan(replace(world, targets=keys).inputs())
    assert {action.campaign for action in plan.actions} <= keys
    assert {item.key for item in plan.campaigns} <= keys


@SOME
@given(world=worlds())
def test_nothing_is_created_that_is_known(world: World) -> None:
    subjects = {item.key: item for item in world.subjects()}
    for action in make_plan(world.inputs()).actions:
        if action.kind is Kind.CREATE:
            assert subjects[action.campaign].known is None
            assert action.campaign not in world.state.campaigns
            assert action.campaign not in world.state.tombstones


@SOME
@given(world=worlds())
def test_room_is_never_given_away_twice(world: World) -> None:
    inputs = world.inputs()
    plan = make_plan(inputs)
    if inputs.live.refreshed and plan.summary.new_recipients:
        assert inputs.live.pools is not None
        assert plan.summary.new_recipients <= sum(pool.remaining for pool in inputs.live.pools)


@SOME
@given(world=worlds())
def test_summary_is_the_count_of_what_stands_in_the_plan(world: World) -> None:
    plan = make_plan(world.inputs())
    shown = plan.summary.model_dump(by_alias=False)
    assert {kind: shown[kind.value] for kind in Kind} == {
        kind: sum(action.kind is kind for action in plan.actions) for kind in Kind
    }
    waiting = (ActionStatus.HELD, ActionStatus.BLOCKED, ActionStatus.SCHEDULED)
    assert {status: shown[status.value] for status in waiting} == {
        status: len({action.campaign for action in plan.actions if action.status is status}) for status in waiting
    }
    touched = {action.campaign for action in plan.actions}
    touched |= {item.campaign for item in plan.diagnostics if item.severity is Severity.ERROR and item.campaign}
    assert shown["unchanged"] == sum(campaign.key not in touched for campaign in plan.campaigns)


@SOME
@given(world=worlds())
def test_no_address_and_no_hash_of_one_gets_into_a_plan(world: World) -> None:
    written = make_plan(world.inputs()).model_dump_json()
    for person in range(4 * PEOPLE):
        assert address(person) not in written
        assert hashed(person).hex() not in written
    assert "@example" not in written


def test_worlds_without_files_are_let_go_only_by_forgetting() -> None:
    """The loader refuses an empty folder; the planner would still never do more than pause and forget."""

    @SOME
    @given(world=worlds())
    def hold(world: World) -> None:
        none = Desired(workspace="acme", environment="default", lineage=None, policy=world.desired.policy, campaigns=())
        plan = make_plan(replace(world, desired=none, targets=None).inputs())
        assert {action.kind for action in plan.actions} <= {Kind.PAUSE, Kind.FORGET}

    hold()
