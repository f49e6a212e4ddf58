"""Plans and reports as first users met them: few people, short keys, and much that only a person can put right."""

from reporting.runs import report, result
from reporting.situations import action, campaign, passed, plan

from reconciler.model.plan import Action, ActionStatus, Change, GuardResult, Kind, People, Plan
from reconciler.model.report import ActionResult, Outcome, Report
from reconciler.planning.approval import moved_since, not_touched


def failed(key: str, kind: Kind, guard: str, detail: str, status: ActionStatus = ActionStatus.HELD) -> Action:
    """Make an action that one guard keeps from being done."""
    return action(key, kind, status=status, reason=detail, guards=(GuardResult(id=guard, passed=False, detail=detail),))


def details_only() -> Plan:
    """One lead of a running campaign has other details; a paused one goes on with two such leads."""
    one = People(rows=3, leads=3, changed=1, enrolled=3)
    two = People(rows=9, leads=9, changed=2, enrolled=9)
    return plan(
        [campaign("second", live="running", people=one), campaign("third", live="paused by us", people=two)],
        [
            action("second", Kind.ENROLL, reason="1 with changed fields", guards=passed(capacity="room 20")),
            action("third", Kind.ENROLL, reason="2 with changed fields"),
            action("third", Kind.RESUME, reason="its file says running, and the pause was ours"),
        ],
    )


def let_go() -> Plan:
    """Pause a running campaign whose file is gone, and manage it no longer."""
    return plan(
        [campaign("second", desired="file gone", live="running")],
        [
            action("second", Kind.PAUSE, reason="its file is gone"),
            action("second", Kind.FORGET, reason="its file is gone; it stays in Leadterra"),
        ],
    )


def stuck() -> Plan:
    """Nothing here passes by waiting: stopped, no list, blank tokens, too few leads, frozen steps, paused, counts."""
    checks = {
        "stop": "stopped by ann: wrong price; lift it with `reconciler stop a --lift`",
        "paused-outside": "somebody else paused it",
        "steps": "its steps are frozen",
        "list": "the list leads:q4.csv is not at hand",
        "minimum-leads": "3 leads, 100 wanted",
        "tokens": "2 leads without company: they would read a blank",
        "enrolled": "Leadterra counts 5 leads in it, and this repository knows of 3",
        "never-sent": "camp_1f2e has sent email already, though it should be a draft",
    }
    guards = tuple(GuardResult(id=name, passed=False, detail=detail) for name, detail in checks.items())
    held = action("a", Kind.START, status=ActionStatus.HELD, reason="; ".join(checks.values()), guards=guards)
    return plan([campaign("a", live="draft")], [held])


def in_time() -> Plan:
    """Everything here passes by waiting."""
    opens = "outside the start window; it opens Tue 1 Dec 08:00"
    return plan(
        [campaign(key, live="draft") for key in ("a", "b", "c", "d")],
        [
            failed("a", Kind.START, "senders", "no active sender account (2 paused or warming)"),
            failed("b", Kind.START, "capacity", "9 people would get email today and there is room for 5"),
            failed("c", Kind.START, "not-before", "not before Tue 1 Dec 09:00", ActionStatus.SCHEDULED),
            failed("d", Kind.START, "window", opens, ActionStatus.SCHEDULED),
        ],
    )


def partly() -> Plan:
    """One passes by waiting, another one does not."""
    return plan(
        [campaign(key, live="draft") for key in ("first", "second")],
        [
            failed("first", Kind.START, "capacity", "9 people would get email today and there is room for 5"),
            failed("second", Kind.START, "tokens", "2 leads without company"),
        ],
    )


PLANS = {"details-only": details_only, "let-go": let_go, "stuck": stuck, "in-time": in_time, "partly": partly}


def started() -> Plan:
    """Create, enroll and start a campaign."""
    kinds = (Kind.CREATE, Kind.ENROLL, Kind.START)
    people = People(receive=142, rows=142, leads=142, new=142)
    return plan([campaign("second", people=people)], [action("second", kind) for kind in kinds], receive=142)


def not_done(plan: Plan) -> list[ActionResult]:
    """Let every action wait for what its plan says."""
    return [result(item.campaign, item.kind, Outcome(item.status.value), item.reason) for item in plan.actions]


def details_report() -> Report:
    """Bring people up to date, in the executor's words."""
    return report(
        [
            result("second", Kind.ENROLL, detail="1 brought up to date"),
            result("third", Kind.ENROLL, detail="2 brought up to date"),
            result("third", Kind.RESUME, detail="running"),
        ]
    )


def let_go_report() -> Report:
    """Pause and let go, in the executor's words."""
    gone = "no longer managed; it stays in Leadterra"
    return report([result("second", Kind.PAUSE, detail="paused"), result("second", Kind.FORGET, detail=gone)])


def started_report() -> Report:
    """Create, enroll and start, in the executor's words."""
    return report(
        [
            result("second", Kind.CREATE, detail="draft camp_x"),
            result("second", Kind.ENROLL, detail="142 enrolled"),
            result("second", Kind.START, detail="running"),
        ]
    )


def interrupted_report() -> Report:
    """Interrupt the enrolment; its results arrive out of order."""
    return report(
        [
            result("second", Kind.START, Outcome.NOT_ATTEMPTED, "enroll came first and is not attempted"),
            result("second", Kind.ENROLL, Outcome.NOT_ATTEMPTED, "the run was interrupted"),
            result("second", Kind.CREATE, detail="draft camp_x"),
        ],
        interrupted=True,
    )


def approved() -> Plan:
    """Approve of three starts."""
    return plan(
        [campaign(key, name=key.title(), people=People(leads=142, new=142)) for key in ("as-it-was", "edited", "gone")],
        [action(key, kind) for key in ("as-it-was", "edited", "gone") for kind in (Kind.CREATE, Kind.START)],
    )


def today() -> Plan:
    """Plan one as it was approved, one that was edited and is a draft by now, and one that nobody approved of."""
    edited = campaign("edited", name="Edited twice", live="draft").model_copy(update={"digest": "e" * 64})
    return plan(
        [campaign("as-it-was", people=People(leads=142, new=142)), edited, campaign("newcomer")],
        [
            *(action("as-it-was", kind) for kind in (Kind.CREATE, Kind.START)),
            action("edited", Kind.UPDATE, changes=(Change(path="name", before="Edited", after="Edited twice"),)),
            action("newcomer", Kind.CREATE),
        ],
    )


def moved_report() -> Report:
    """Do what is as it was approved, and name what moved in the rest."""
    moved = moved_since(approved(), today())
    done = (result("as-it-was", Kind.CREATE, detail="draft camp_x"), result("as-it-was", Kind.START, detail="running"))
    left = not_touched(approved(), today(), moved)
    told = tuple(item for found in moved.values() for item in found)
    return report([*done, *left]).model_copy(update={"moved": told})


REPORTS = {
    "moved": (today, moved_report),
    "details-only": (details_only, details_report),
    "let-go": (let_go, let_go_report),
    "started": (started, started_report),
    "interrupted": (started, interrupted_report),
    "stuck": (stuck, lambda: report(not_done(stuck()))),
    "in-time": (in_time, lambda: report(not_done(in_time()))),
    "partly": (partly, lambda: report(not_done(partly()))),
}
