"""The lifecycle table, cell by cell, against the table of design §5 as it is printed there."""

import pytest
from support.plans import campaign, codes, inputs, known, live, outline, roster, the

from reconciler.diagnostics import Severity
from reconciler.model.campaign import Status
from reconciler.model.live import LiveStatus
from reconciler.model.plan import Effect, Kind
from reconciler.model.state import CampaignState
from reconciler.planning.lifecycle import EFFECTS, STARTED_ROWS, TABLE, Column, Row, column_of, row_of
from reconciler.planning.planner import make_plan

DESIGN = """
| live \\ desired       | draft          | running             | paused         | archived       | file gone     |
| absent               | create         | create enroll start | create note    | -              | -             |
| draft                | update         | update enroll start | update note    | forget         | forget        |
| running              | blocked update | enroll              | pause          | pause forget   | pause forget  |
| paused by us         | blocked update | enroll resume       | -              | forget         | forget        |
| paused elsewhere     | blocked update | held enroll resume  | -              | forget         | forget        |
| unknown              | error          | error               | pause          | pause          | pause         |
| gone from the server | error          | error               | error          | forget         | forget        |
"""
MARKS = {"blocked", "held", "note", "error", "-"}


def _cells() -> list[tuple[Row, Column, frozenset[str], tuple[Kind, ...]]]:
    head, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in DESIGN.strip().splitlines()]
    return [
        (
            Row(row[0]),
            Column(column),
            frozenset(cell.split()) & MARKS,
            tuple(Kind(word) for word in cell.split() if word not in MARKS),
        )
        for row in rows
        for column, cell in zip(head[1:], row[1:], strict=True)
    ]


CELLS = _cells()
ENTRIES: dict[Row, CampaignState | None] = {
    Row.ABSENT: None,
    Row.DRAFT: known(name="Older name"),
    Row.RUNNING: known(status="running", accepted=7),
    Row.PAUSED_BY_US: known(status="paused", accepted=7, paused_by_us=True),
    Row.PAUSED_ELSEWHERE: known(status="paused", accepted=7),
    Row.UNKNOWN: known(status="running", accepted=7),
    Row.GONE: known(status="running", accepted=7),
}
READINGS = {
    Row.ABSENT: None,
    Row.DRAFT: live(name="Older name"),
    Row.RUNNING: live(status="running", enrolled=7),
    Row.PAUSED_BY_US: live(status="paused", enrolled=7),
    Row.PAUSED_ELSEWHERE: live(status="paused", enrolled=7),
    Row.UNKNOWN: live(status="unknown", stats=None, steps=None, problem="GET stats: 503"),
    Row.GONE: live(status="gone", stats=None, steps=None),
}


def test_the_table_has_these_cells_and_no_others() -> None:
    assert len(CELLS) == len(Row) * len(Column)
    assert {(row, column) for row, column, _, _ in CELLS} == set(TABLE)


@pytest.mark.parametrize(
    ("row", "column", "marks", "kinds"), CELLS, ids=[f"{row.value}-{column.value}" for row, column, _, _ in CELLS]
)
def test_cell(row: Row, column: Column, marks: frozenset[str], kinds: tuple[Kind, ...]) -> None:
    """What the table holds is what the design says, and what a plan makes of it."""
    cell = TABLE[row, column]
    assert cell.kinds == kinds
    assert {
        "blocked": cell.blocked is not None,
        "held": cell.held_by is not None,
        "note": cell.note is not None,
        "error": cell.error is not None,
        "-": not cell.kinds and cell.error is None,
    } == {mark: mark in marks for mark in MARKS}

    wanted = None if column is Column.FILE_GONE else campaign(status=column.value)
    plan = make_plan(inputs(wanted, ENTRIES[row], READINGS[row], roster(10, new=3)))
    stopped = {"blocked"} & marks or {"held"} & marks or {"ready"}
    irreversible = {Kind.ENROLL, Kind.START, Kind.RESUME}
    assert outline(plan) == [
        (kind.value, "ready" if "held" in marks and kind not in irreversible else next(iter(stopped))) for kind in kinds
    ]
    if "held" in marks:
        assert all(cell.held_by in {item.id for item in action.guards if not item.passed} for action in plan.actions)
    expected = [("note", "not-yet")] if "note" in marks else []
    if row is Row.UNKNOWN:
        expected = [("error", "unread")]
    elif "error" in marks:
        expected = [("error", "gone")]
    assert codes(plan) == expected
    shown = [(item.key, item.live, item.desired) for item in plan.campaigns]
    nothing_at_all = row is Row.ABSENT and column is Column.FILE_GONE
    assert shown == ([] if nothing_at_all else [("alpha", row.value, column.value)])


@pytest.mark.parametrize("row", [Row.UNKNOWN, Row.GONE])
def test_an_error_says_what_where_and_what_to_do(row: Row) -> None:
    (found,) = make_plan(inputs(campaign(), ENTRIES[row], READINGS[row])).diagnostics
    assert (found.severity, found.campaign, found.file, found.line) == (
        Severity.ERROR,
        "alpha",
        "specs/campaigns/alpha.yaml",
        3,
    )
    assert ("GET stats: 503" if row is Row.UNKNOWN else "reconciler state rm alpha") in found.message


def test_an_unknown_campaign_is_paused_and_told() -> None:
    """A plan that paused it in silence would answer 0 although it does not know what it is."""
    plan = make_plan(inputs(campaign(status="paused"), ENTRIES[Row.UNKNOWN], READINGS[Row.UNKNOWN]))
    assert "GET stats: 503" in plan.diagnostics[0].message
    assert outline(plan) == [("pause", "ready")]


@pytest.mark.parametrize("row", [Row.RUNNING, Row.PAUSED_BY_US, Row.PAUSED_ELSEWHERE])
def test_a_started_campaign_cannot_become_a_draft(row: Row) -> None:
    action = the(make_plan(inputs(campaign(status="draft"), ENTRIES[row], READINGS[row])), Kind.UPDATE)
    live_status = "running" if row is Row.RUNNING else "paused"
    assert [(item.path, item.before, item.after) for item in action.changes] == [("status", live_status, "draft")]
    assert "`status: paused`" in action.reason
    assert (action.file, action.line) == ("specs/campaigns/alpha.yaml", 3)


def test_nothing_to_do_where_nothing_differs() -> None:
    draft = make_plan(inputs(campaign(status="draft"), known(), live()))
    running = make_plan(
        inputs(campaign(), known(status="running", accepted=7), live(status="running", enrolled=7), roster(7, new=0))
    )
    assert (draft.actions, running.actions) == ((), ())
    assert (draft.summary.unchanged, running.summary.unchanged) == (1, 1)


def test_a_managed_campaign_that_was_not_read_is_unknown() -> None:
    assert row_of(known(), None) is Row.UNKNOWN
    assert row_of(None, None) is Row.ABSENT


@pytest.mark.parametrize(
    ("status", "paused_by_us", "row"),
    [
        (LiveStatus.DRAFT, False, Row.DRAFT),
        (LiveStatus.RUNNING, False, Row.RUNNING),
        (LiveStatus.RUNNING, True, Row.RUNNING),
        (LiveStatus.PAUSED, True, Row.PAUSED_BY_US),
        (LiveStatus.PAUSED, False, Row.PAUSED_ELSEWHERE),
        (LiveStatus.UNKNOWN, False, Row.UNKNOWN),
        (LiveStatus.GONE, False, Row.GONE),
    ],
)
def test_rows(status: LiveStatus, *, paused_by_us: bool, row: Row) -> None:
    assert row_of(known(paused_by_us=paused_by_us), live(status=status.value)) is row


def test_columns() -> None:
    assert [column_of(status) for status in (*Status, None)] == list(Column)


def test_effects() -> None:
    """Who sends email is never a matter of taste: the start path, the resume, and the final suppression."""
    sending = {Kind.ENROLL, Kind.START, Kind.RESUME, Kind.SUPPRESS}
    assert {kind for kind, effect in EFFECTS.items() if effect is Effect.IRREVERSIBLE} == sending
    assert {kind for kind, effect in EFFECTS.items() if effect is Effect.REVERSIBLE} == {Kind.PAUSE}
    assert set(EFFECTS) == set(Kind)
    assert {Row.RUNNING, Row.PAUSED_BY_US, Row.PAUSED_ELSEWHERE} == STARTED_ROWS
