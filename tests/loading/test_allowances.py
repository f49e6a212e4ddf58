"""`allow`: budgets that are higher for a while, written down with a last day and a reason."""

from datetime import date

import pytest
from loading.repository import Repository

from reconciler.model.workspace import Allowance, Budget

CAMPAIGN = "key: a\nname: A\n"
WORKSPACE = "specs/workspace.yaml"


def test_without_any_there_are_the_defaults(repo: Repository) -> None:
    repo.campaign(CAMPAIGN)
    desired = repo.desired()
    assert (desired.policy.max_new_recipients, desired.policy.max_forgets) == (1000, 3)
    assert desired.allow == ()


def test_they_are_kept_with_their_places(repo: Repository) -> None:
    """Quoted days and unquoted ones are the same; an amount of nothing is one, too."""
    repo.campaign(CAMPAIGN)
    repo.workspace(
        "policy: {maxNewRecipients: 0, maxForgets: 0}\nallow:\n"
        "  - {newRecipients: 6000, until: 2026-12-05, reason: Launch, x-ticket: 7}\n"
        '  - until: "2026-12-06"\n    forgets: 0\n    newRecipients: null\n    reason: Tidying up\n'
    )
    desired = repo.desired()
    assert (desired.policy.max_new_recipients, desired.policy.max_forgets) == (0, 0)
    assert desired.allow == (
        Allowance(
            budget=Budget.NEW_RECIPIENTS,
            amount=6000,
            until=date(2026, 12, 5),
            reason="Launch",
            file=WORKSPACE,
            line=3,
        ),
        Allowance(
            budget=Budget.FORGETS, amount=0, until=date(2026, 12, 6), reason="Tidying up", file=WORKSPACE, line=4
        ),
    )


def test_an_environment_has_budgets_of_its_own(repo: Repository) -> None:
    repo.campaign(CAMPAIGN)
    repo.workspace(
        "policy: {maxNewRecipients: 50, maxForgets: 1}\nenvironments: {s: {policy: {maxNewRecipients: 5000}}}\n"
    )
    assert [
        (policy.max_new_recipients, policy.max_forgets)
        for policy in (repo.desired().policy, repo.desired(environment="s").policy)
    ] == [(50, 1), (5000, 1)]


GOOD = "until: 2026-12-05, reason: r"


@pytest.mark.parametrize(
    ("entry", "code", "column", "message", "hint"),
    [
        (f"{{{GOOD}}}", "wrong-value", 9, "`allow[0]` is not complete", ""),
        (f"{{{GOOD}}}", "wrong-value", 9, "exactly one of newRecipients and forgets; found none", ""),
        (f"{{newRecipients: 1, forgets: 1, {GOOD}}}", "wrong-value", 9, "found both", ""),
        (f"{{newRecipients: -1, {GOOD}}}", "wrong-value", 25, "at least 0, not -1", ""),
        (f"{{forgets: many, {GOOD}}}", "wrong-type", 19, "`allow[0].forgets` must be a whole number", ""),
        (f"{{forgets: true, {GOOD}}}", "wrong-type", 19, "must be a whole number", ""),
        (f"{{newRecipient: 1, {GOOD}}}", "unknown-key", 10, "`newRecipient` in `allow[0]`", "`newRecipients`"),
        ("{forgets: 1, reason: r}", "missing-key", 9, "`until` is missing in `allow[0]`", ""),
        ("{forgets: 1, until: 2026-12-05}", "missing-key", 9, "`reason` is missing in `allow[0]`", ""),
        ("{forgets: 1, until: 2026-12-05, reason: ' '}", "wrong-value", 49, "must not be blank", ""),
        ("{forgets: 1, until: 5 Dec, reason: r}", "wrong-value", 29, "a day written like 2026-12-05, not `5 Dec`", ""),
        ("{forgets: 1, until: 2026-12-05T09:00, reason: r}", "wrong-value", 29, "a day written like", ""),
        ("{forgets: 1, until: 2026-02-30, reason: r}", "wrong-value", 29, "no day of the calendar: `2026-02-30`", ""),
        ("{forgets: 1, until: 2026, reason: r}", "wrong-type", 29, "must be a text", '"2026"'),
        ("5", "wrong-type", 9, "`allow[0]` must be a mapping", ""),
    ],
)
def test_what_is_wrong_is_told_in_its_place(
    repo: Repository, entry: str, code: str, column: int, message: str, hint: str
) -> None:
    repo.campaign(CAMPAIGN)
    repo.workspace(f"allow: [{entry}]")
    found = repo.problem()
    assert (found.code, found.place) == (code, f"{WORKSPACE}:1:{column}")
    assert message in found.message
    assert hint in (found.hint or "")


def test_it_is_a_list(repo: Repository) -> None:
    repo.campaign(CAMPAIGN)
    repo.workspace("allow: {newRecipients: 6000}")
    assert (repo.problem().message, repo.problem().place) == (
        "`allow` must be a list, not a mapping.",
        f"{WORKSPACE}:1:8",
    )


def test_it_belongs_to_the_workspace_and_to_no_environment(repo: Repository) -> None:
    repo.campaign(CAMPAIGN)
    repo.workspace(f"environments: {{s: {{allow: [{{forgets: 9, {GOOD}}}]}}}}")
    assert "no key `allow`" in repo.problem().message
