"""Digests and summary: what an approval covers, and what it does not; the JSON contract."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.plans import (
    ALL_CALLS,
    EDITED,
    NOW,
    STEPS,
    campaign,
    desired,
    inputs,
    known,
    live,
    outline,
    roster,
    state,
    stop,
    the,
)

from reconciler.model.campaign import Leads
from reconciler.model.live import Stats
from reconciler.model.plan import Kind, Plan, Summary
from reconciler.planning.planner import make_plan, specs_digest

SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "plan.schema.json"


def start(wanted: dict[str, Any] | None = None, people: dict[str, Any] | None = None, **changes: Any) -> Plan:
    """Plan the start of a draft that differs in its name."""
    return make_plan(
        inputs(
            desired(campaign(**{"name": "New", **(wanted or {})}), **changes.pop("policy", {})),
            changes.pop("managed", known()),
            changes.pop("there", live()),
            roster(**{"leads": 10, **(people or {})}),
            **changes,
        )
    )


BASE = start()


def digests(plan: Plan) -> tuple[str, str]:
    return plan.digest, plan.campaigns[0].digest


def test_the_plan_that_the_others_are_compared_with() -> None:
    assert outline(BASE) == [("update", "ready"), ("enroll", "ready"), ("start", "ready")]


@pytest.mark.parametrize(
    ("plan", "status"),
    [
        (start(managed=state({"alpha": known()}, stops=(stop(),))), "held"),
        (start(pools=()), "held"),
        (start(pools=None), "held"),
        (start(accounts=()), "held"),
        (start({"minimum_leads": 11}), "held"),
        (start({"not_before": NOW + timedelta(days=1)}), "scheduled"),
        (start(people={"blanks": {"firstName": 1}}), "held"),
        (start(there=live(enrolled=1)), "blocked"),
        (start(there=live(stats=Stats(total_enrolled=0, sent=1, queued=0))), "blocked"),
    ],
)
def test_guards_and_status_are_no_part_of_it(plan: Plan, status: str) -> None:
    """What waits today is the same thing that is approved for tomorrow."""
    assert the(plan, Kind.START).status.value == status
    assert digests(plan) == digests(BASE)


@pytest.mark.parametrize(
    "plan",
    [
        start({"file": "specs/campaigns/elsewhere.yaml", "line": 99, "step_lines": (1, 2)}),
        start({"owner": "somebody", "labels": {"team": "emea"}, "protect": True}),
        start({"sources": {".": "reformatted"}}),
        start(now=NOW + timedelta(days=400)),
        start(tool="reconciler 9.9.9"),
        start(capabilities=ALL_CALLS.model_copy(update={"patch_campaign": None})),
        start(managed=state({"alpha": known(file="elsewhere.yaml")})),
        start(managed=state({"alpha": known()}).model_copy(update={"serial": 99})),
        start(policy={"timezone": "Europe/Berlin", "headroom": 10}),
    ],
)
def test_place_time_and_what_does_not_matter_are_no_part_of_it(plan: Plan) -> None:
    assert digests(plan) == digests(BASE)


@pytest.mark.parametrize(
    "plan",
    [
        start({"name": "Newer"}),
        start({"name": "Alpha"}),
        start({"steps": EDITED}),
        start({"status": "draft"}),
        start(people={"digest": "other people"}),
        start(there=live(name="Bob's copy")),
        start(managed=known(status="paused", paused_by_us=True), there=live(status="paused")),
        start(managed=known(accepted=7), there=live(enrolled=7), people={"gone": 1}),
    ],
    ids=["another name", "no update", "other text", "no start", "people", "drift", "resume", "replace"],
)
def test_what_is_done_to_whom_with_which_text_is_covered(plan: Plan) -> None:
    whole, one = digests(plan)
    assert whole != BASE.digest
    assert one != BASE.campaigns[0].digest


def resume(steps: tuple[Any, ...], people: str) -> Plan:
    """Plan a resume, which has no changes of its own. The shared template is what changed."""
    entry = known(status="paused", accepted=7, paused_by_us=True, sources={"shared": "1"})
    wanted = campaign(steps=steps, sources={"shared": "2"}, own_sources=())
    return make_plan(inputs(wanted, entry, live(status="paused", enrolled=7), roster(7, new=0, digest=people)))


def test_whatever_sends_covers_its_text_and_its_people() -> None:
    base = resume(STEPS, "people")
    assert outline(base) == [("resume", "ready")]
    assert digests(resume(EDITED, "people")) != digests(base)
    assert digests(resume(STEPS, "others")) != digests(base)
    assert digests(resume(STEPS, "people")) == digests(base)


@pytest.mark.parametrize("policy", [{"recontact": "allow"}, {"recontact_days": 30}])
def test_whatever_sends_covers_who_is_left_out_of_its_list(policy: dict[str, object]) -> None:
    """One that was approved to skip people who were written to lately does not write to them under another policy."""
    assert digests(make_plan(inputs(desired(campaign(), **policy)))) != digests(make_plan(inputs(desired(campaign()))))


def listed(**changes: Any) -> Leads:
    return Leads(
        **{"source": "leads:a.csv", "paths": None, "tracked": False, "file": "a.yaml", "line": 1, **changes}  # type: ignore[arg-type]
    )


CHOICES: list[dict[str, Any]] = [
    {},
    {"limit": 10},
    {"limit": 20},
    {"part": (1, 2)},
    {"part": (2, 2)},
    {"where": "country = 'DE'"},
    {"where": "country = 'FR'"},
    {"exclude": ("customers",)},
]


def test_whatever_sends_covers_how_its_people_are_chosen() -> None:
    """The numbers may come out the same today: it is a rule that was approved."""
    plans = [start({"leads": listed(**choice)}) for choice in CHOICES]
    assert len({digests(plan) for plan in plans}) == len(CHOICES)
    assert len({plan.campaigns[0].audience for plan in plans}) == len(CHOICES)
    assert len({specs_digest(desired(campaign(leads=listed(**choice)))) for choice in CHOICES}) == len(CHOICES)


def test_where_the_files_of_a_list_are_is_no_part_of_it() -> None:
    here, there = listed(), listed(paths=("/elsewhere/a.csv",), file="b.yaml", line=2, tracked=True, examples_only=True)
    assert digests(start({"leads": here})) == digests(start({"leads": there}))
    assert specs_digest(desired(campaign(leads=here))) == specs_digest(desired(campaign(leads=there)))


def test_what_sends_nothing_does_not_cover_people() -> None:
    """A list may grow while a draft is under review."""
    one, two = (start({"status": "draft"}, {"digest": name}) for name in ("one", "two"))
    assert digests(one) == digests(two)


def test_the_digest_of_all_covers_every_campaign_and_the_state_it_was_made_for() -> None:
    wanted = [campaign("beta", "draft"), campaign("gamma", "draft", name="New")]
    managed = state({"beta": known("beta"), "gamma": known("gamma")})
    there = {"beta": live("beta"), "gamma": live("gamma")}
    both = make_plan(inputs(desired(*wanted), managed, there))
    one = make_plan(inputs(desired(*wanted), managed, there, targets=frozenset({"gamma"})))
    assert [item.key for item in one.campaigns] == ["gamma"]
    assert one.campaigns[0].digest == both.campaigns[1].digest
    assert one.digest != both.digest
    other = make_plan(inputs(desired(*wanted), managed.model_copy(update={"lineage": "other"}), there))
    assert other.digest != both.digest
    assert (both.base.lineage, both.base.serial) == ("4f0c", 42)


def test_the_digest_of_what_is_wanted_knows_no_places() -> None:
    moved = campaign(file="elsewhere.yaml", line=77, step_lines=(5,), sources={}, own_sources=())
    assert specs_digest(desired(moved)) == specs_digest(desired(campaign()))
    assert specs_digest(desired(campaign(minimum_leads=2))) != specs_digest(desired(campaign()))
    assert specs_digest(desired(campaign(), headroom=1)) != specs_digest(desired(campaign()))
    assert make_plan(inputs(campaign())).base.specs == specs_digest(desired(campaign()))


MANY = inputs(
    desired(
        campaign("a-start", steps=EDITED),
        campaign("b-waits", steps=EDITED),
        campaign("c-scheduled", steps=EDITED, not_before=NOW + timedelta(days=1)),
        campaign("d-frozen", steps=EDITED, sources={}),
        campaign("e-same", "draft"),
        campaign("f-pause", "paused"),
        campaign("g-unread"),
    ),
    state(
        {
            "d-frozen": known("d-frozen", "running", accepted=7),
            "e-same": known("e-same"),
            "f-pause": known("f-pause", "running", accepted=5),
            "g-unread": known("g-unread", "paused"),
            "z-vanished": known("z-vanished", "running", steps_digest="0"),
        }
    ),
    {
        "d-frozen": live("d-frozen", "running", enrolled=7),
        "e-same": live("e-same"),
        "f-pause": live("f-pause", "running", enrolled=5),
        "g-unread": live("g-unread", "gone", stats=None),
        "z-vanished": live("z-vanished", "running"),
    },
    {
        "a-start": roster(142, rows=145, duplicates=2, rejected=1),
        "b-waits": roster(20, blanks={"firstName": 3}),
        "c-scheduled": roster(30),
        "d-frozen": roster(11, new=4),
        "e-same": roster(5),
        "f-pause": roster(5, new=0),
        "g-unread": roster(5),
    },
)


def test_summary_counts_actions_of_each_kind_and_campaigns_that_wait() -> None:
    plan = make_plan(MANY)
    assert plan.summary == Summary(
        create=3,
        update=1,
        enroll=4,
        start=3,
        pause=2,
        forget=1,
        held=2,
        blocked=1,
        scheduled=1,
        unchanged=1,
        new_recipients=142,
        unapproved=4,
    )


def test_people_are_counted_as_written_to_or_waiting() -> None:
    people = {item.key: item.people for item in make_plan(MANY).campaigns}
    assert {key: (item.receive, item.held) for key, item in people.items()} == {
        "a-start": (142, 0),
        "b-waits": (0, 20),
        "c-scheduled": (0, 30),
        "d-frozen": (0, 4),
        "e-same": (0, 0),
        "f-pause": (0, 0),
        "g-unread": (0, 0),
        "z-vanished": (0, 0),
    }
    shown = people["a-start"]
    assert (shown.rows, shown.leads, shown.duplicates, shown.rejected, shown.enrolled) == (145, 142, 2, 1, None)
    assert people["f-pause"].enrolled == 5


def test_a_plan_without_asking_the_server_says_so() -> None:
    plan = make_plan(inputs(campaign(), refreshed=False, pools=None, accounts=None))
    assert plan.refreshed is False
    assert {item.id for item in the(plan, Kind.START).guards if item.passed is None} == {
        "enrolled",
        "never-sent",
        "senders",
        "capacity",
    }


def test_without_asking_the_server_a_pause_by_somebody_else_is_still_respected() -> None:
    entry = known(status="paused", accepted=7)
    there = live(status="paused", status_read=False, stats=None, steps=None, name=None)
    plan = make_plan(inputs(campaign(), entry, there, roster(7, new=0), refreshed=False, pools=None, accounts=None))
    assert outline(plan) == [("resume", "held")]


@pytest.mark.parametrize("plan", [BASE, make_plan(MANY), make_plan(inputs())], ids=["one", "many", "none"])
def test_json_is_as_the_schema_says_and_reads_back(plan: Plan) -> None:
    written = plan.model_dump_json()
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(written), schema)
    assert Plan.model_validate_json(written) == plan


def test_the_fields_of_the_contract() -> None:
    """Design §5 names them; users, pipelines and tests rely on them."""
    written = json.loads(make_plan(MANY).model_dump_json())
    assert set(written) >= {
        "formatVersion",
        "tool",
        "workspace",
        "createdAt",
        "base",
        "digest",
        "campaigns",
        "actions",
        "forecast",
        "diagnostics",
        "summary",
    }
    assert set(written["campaigns"][0]) >= {"key", "digest", "file", "line", "desired", "live", "people"}
    assert set(written["actions"][0]) >= {
        "campaign",
        "kind",
        "status",
        "effect",
        "file",
        "line",
        "reason",
        "changes",
        "guards",
    }
    assert set(written["actions"][0]["changes"][0]) == {"path", "before", "after", "origin"}
    assert set(written["actions"][1]["guards"][0]) == {"id", "passed", "detail"}
    assert {"newRecipients", "held", "blocked", "scheduled", *(kind.value for kind in Kind)} <= set(written["summary"])
