"""Field by field: what differs, and whether git or somebody else changed it."""

import subprocess
import sys
from typing import Any

import pytest
from support.plans import ALL_CALLS, EDITED, STEPS, campaign, inputs, known, live, outline, the

from reconciler.model.campaign import SequenceStep, steps_digest
from reconciler.model.plan import Change, Kind
from reconciler.planning.diff import changes, created, step_changes
from reconciler.planning.planner import make_plan

TIDY = tuple(step.model_copy(update={"body_html": f"<html>{step.body_html}</html>"}) for step in STEPS)
EXTRA = SequenceStep(subject="One more", body_html="<p>!</p>", delay_days=9)


def edit(steps: tuple[SequenceStep, ...], index: int, **fields: object) -> tuple[SequenceStep, ...]:
    return tuple(step.model_copy(update=fields) if at == index else step for at, step in enumerate(steps))


def compare(
    wanted: tuple[SequenceStep, ...] = STEPS,
    there: tuple[SequenceStep, ...] | None = STEPS,
    *,
    sent: tuple[SequenceStep, ...] | None = STEPS,
    read_back: tuple[SequenceStep, ...] | None = STEPS,
    names: tuple[str, str | None, str] = ("Alpha", "Alpha", "Alpha"),
) -> list[tuple[str, Any, Any, str]]:
    """Compare; `names` are those of the file, the server and the state."""
    found = changes(
        campaign(steps=wanted, name=names[0]),
        known(name=names[2]),
        live(steps=there, name=names[1]),
        sent=sent,
        read_back=read_back,
    )
    return [(item.path, item.before, item.after, item.origin) for item in found]


def test_equal_is_no_change() -> None:
    assert compare() == []


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("New", "Old", "Old"), [("name", "Old", "New", "git")]),
        (("Old", "Bob's copy", "Old"), [("name", "Bob's copy", "Old", "drift")]),
        (("New", "Bob's copy", "Old"), [("name", "Bob's copy", "New", "git")]),
        (("Same", "Same", "Old"), []),
        (("New", None, "Old"), [("name", "Old", "New", "git")]),
        (("Old", None, "Old"), []),
    ],
)
def test_name(names: tuple[str, str | None, str], expected: list[tuple[str, Any, Any, str]]) -> None:
    assert compare(names=names) == expected


FIELDS = [
    ("subject", "subject", STEPS[1].subject, "Mine", "Theirs"),
    ("body_html", "bodyHtml", STEPS[1].body_html, "<p>Mine</p>", "<p>Theirs</p>"),
    ("delay_days", "delayDays", STEPS[1].delay_days, 4, 5),
]


@pytest.mark.parametrize(("field", "alias", "old", "mine", "theirs"), FIELDS)
def test_a_field_of_a_step(field: str, alias: str, old: object, mine: object, theirs: object) -> None:
    """Changed in git, changed on the server, changed by both, and changed by both alike."""
    path, git, drifted = f"sequenceSteps[1].{alias}", edit(STEPS, 1, **{field: mine}), edit(STEPS, 1, **{field: theirs})
    assert compare(git) == [(path, old, mine, "git")]
    assert compare(there=drifted) == [(path, theirs, old, "drift")]
    assert compare(git, drifted) == [(path, theirs, mine, "git")]
    assert compare(git, git) == []


def test_both_origins_in_one_campaign_are_told_apart() -> None:
    found = compare(
        edit(STEPS, 0, subject="From git"),
        edit(STEPS, 1, delay_days=8),
        names=("Fintech Intro", "Fintech (Bob's copy)", "Fintech Intro"),
    )
    assert found == [
        ("name", "Fintech (Bob's copy)", "Fintech Intro", "drift"),
        ("sequenceSteps[0].subject", STEPS[0].subject, "From git", "git"),
        ("sequenceSteps[1].delayDays", 8, 3, "drift"),
    ]


def test_changes_come_in_the_order_of_the_steps() -> None:
    many = tuple(SequenceStep(subject=f"Step {number}", body_html="<p>x</p>") for number in range(12))
    wanted = tuple(step.model_copy(update={"delay_days": 2}) for step in many)
    paths = [path for path, *_ in compare(wanted, many, sent=many, read_back=many)]
    assert paths == [f"sequenceSteps[{number}].delayDays" for number in range(12)]


def test_html_that_the_server_tidied_up_is_no_drift() -> None:
    assert compare(there=TIDY, read_back=TIDY) == []


def test_beside_tidied_html_a_real_change_stands_alone() -> None:
    """The step that somebody touched differs; its body, which only reads otherwise, does not."""
    drifted = edit(TIDY, 0, subject="Theirs")
    assert compare(there=drifted, read_back=TIDY) == [("sequenceSteps[0].subject", "Theirs", STEPS[0].subject, "drift")]
    git = compare(EDITED, TIDY, read_back=TIDY)
    assert git == [("sequenceSteps[1].bodyHtml", STEPS[1].body_html, EDITED[1].body_html, "git")]


def test_tidied_html_that_somebody_edited_is_drift() -> None:
    drifted = edit(TIDY, 0, body_html="<html><p>Theirs</p></html>")
    assert compare(there=drifted, read_back=TIDY) == [
        ("sequenceSteps[0].bodyHtml", "<html><p>Theirs</p></html>", STEPS[0].body_html, "drift")
    ]


@pytest.mark.parametrize(
    ("wanted", "there", "before", "after", "origin"),
    [
        ((*STEPS, EXTRA), STEPS, None, EXTRA, "git"),
        (STEPS[:1], STEPS, STEPS[1], None, "git"),
        (STEPS, (*STEPS, EXTRA), EXTRA, None, "drift"),
        (STEPS, STEPS[:1], None, STEPS[1], "drift"),
    ],
    ids=["added in git", "removed in git", "added on the server", "removed on the server"],
)
def test_steps_added_and_removed(
    wanted: tuple[SequenceStep, ...],
    there: tuple[SequenceStep, ...],
    before: SequenceStep | None,
    after: SequenceStep | None,
    origin: str,
) -> None:
    ((path, old, new, whose),) = compare(wanted, there)
    assert (path, whose) == (f"sequenceSteps[{min(len(wanted), len(there))}]", origin)
    assert (old, new) == (before and before.model_dump(), after and after.model_dump())


def test_a_step_added_on_the_server_beside_tidied_ones_stands_alone() -> None:
    ((path, before, after, origin),) = compare(there=(*TIDY, EXTRA), read_back=TIDY)
    assert (path, before, after, origin) == ("sequenceSteps[2]", EXTRA.model_dump(), None, "drift")


def test_steps_that_cannot_be_read_are_as_last_written() -> None:
    assert compare(there=None) == []
    assert compare(EDITED, None) == [("sequenceSteps[1].bodyHtml", STEPS[1].body_html, EDITED[1].body_html, "git")]


def test_steps_whose_text_was_never_read_back_are_compared_as_they_read() -> None:
    assert compare(read_back=None) == []
    assert [path for path, *_ in compare(there=TIDY, read_back=None)] == [
        "sequenceSteps[0].bodyHtml",
        "sequenceSteps[1].bodyHtml",
    ]


def test_steps_of_which_nothing_is_known_are_written_anew() -> None:
    ((path, before, after, origin),) = compare(there=None, sent=None, read_back=None)
    assert (path, before, origin) == ("sequenceSteps", None, "git")
    assert after == [step.model_dump() for step in STEPS]


def test_a_new_draft_lists_what_it_is_made_of() -> None:
    assert created(campaign()) == (
        Change(path="name", after="Alpha"),
        Change(
            path="sequenceSteps[0]", after={"subject": STEPS[0].subject, "bodyHtml": STEPS[0].body_html, "delayDays": 0}
        ),
        Change(
            path="sequenceSteps[1]", after={"subject": STEPS[1].subject, "bodyHtml": STEPS[1].body_html, "delayDays": 3}
        ),
    )


def test_steps_of_a_started_campaign_are_compared_without_origin() -> None:
    assert [(item.path, item.origin) for item in step_changes(STEPS, EDITED)] == [("sequenceSteps[1].bodyHtml", "git")]
    assert step_changes(STEPS, STEPS) == ()


def test_an_update_carries_its_changes_and_its_fallback() -> None:
    action = the(make_plan(inputs(campaign(status="draft", name="New"), known(), live())), Kind.UPDATE)
    assert [change.path for change in action.changes] == ["name"]
    assert action.fallback is Kind.REPLACE


def test_a_plan_reads_the_tidied_text_of_a_draft_by_its_digest() -> None:
    entry = known(read_back_digest=steps_digest(TIDY))
    calm = make_plan(inputs(campaign(status="draft"), entry, live(steps=TIDY), blobs=[TIDY]))
    assert outline(calm) == []


def test_a_server_that_cannot_change_drafts_is_told_so() -> None:
    calls = ALL_CALLS.model_copy(update={"patch_campaign": False})
    action = the(
        make_plan(inputs(campaign(status="draft", name="New"), known(), live(), capabilities=calls)), Kind.UPDATE
    )
    assert "cannot change a draft" in action.reason


PROGRAM = """
import sys
from support.plans import campaign, inputs, known, live
from reconciler.planning.planner import make_plan
wanted = campaign(status="draft", name={name!r})
actions = make_plan(inputs(wanted, known(), live())).actions
print(len(actions), "deepdiff" in sys.modules)
"""


@pytest.mark.parametrize(("name", "expected"), [("Alpha", "0 False"), ("Another", "1 True")])
def test_deepdiff_is_imported_where_something_differs_and_nowhere_else(name: str, expected: str) -> None:
    tests = __file__.partition("/planning/")[0]
    program = f"import sys; sys.path[:0] = [{tests!r}, {tests.removesuffix('tests')!r}]\n{PROGRAM.format(name=name)}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == expected
