"""Whom a refused enrolment names, in every shape an entry may have, and that nobody is guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadterra.fakes import Json, client, reply

from reconciler.diagnostics import LeadsRefusedError
from reconciler.leadterra.badleads import named_leads
from reconciler.model.roster import Lead

LEADS = [Lead(f"lead{number}@example.com", {"firstName": f"F{number}"}, number + 2) for number in range(5)]
ADDRESS = "Lead3@Example.com"


def refused(data: Json, leads: list[Lead] = LEADS) -> LeadsRefusedError:
    api, script = client(reply(422, data))
    with pytest.raises(LeadsRefusedError) as caught:
        api.enroll("camp_1", leads)
    assert len(script.requests) == 1
    return caught.value


@pytest.mark.parametrize(
    "entry", [{"email": ADDRESS}, {"email": f" {ADDRESS} "}, {"lead": {"email": ADDRESS}}, ADDRESS]
)
def test_named_by_address(entry: Json) -> None:
    error = refused({"errors": [entry]})
    assert (error.named, error.by_address, error.entries, error.complete) == ({3}, {3}, 1, True)


@pytest.mark.parametrize(
    "entry",
    [
        {"index": 3},
        {"row": 4},
        {"index": 3, "row": 4},
        {"index": 3, "email": "masked***"},
        {"lead": {"index": 3}},
        {"field": "leads[3].email"},
        {"path": "leads.3"},
        {"path": "$.leads[3]"},
        {"pointer": "/leads/3/email"},
        {"source": {"pointer": "/data/leads/3/email"}},
        {"loc": ["body", "leads", 3, "email"]},
        {"param": "body.leads[3]"},
        {"index": 3, "field": "leads[3].firstName"},
        "leads[3].email",
    ],
)
def test_named_by_position(entry: Json) -> None:
    error = refused({"error": {"code": "invalid", "errors": [entry]}})
    assert (error.named, error.by_address, error.entries, error.complete) == ({3}, set(), 1, True)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        None,
        3,
        [],
        "lead3@example.com is bad",
        {"message": "leads[3] is bad", "field": "email"},
        {"email": "stranger@example.org"},
        {"index": 5},
        {"index": -1},
        {"index": True},
        {"index": "3"},
        {"row": 0},
        {"index": 3, "field": "leads[2].email"},
        {"email": ADDRESS, "lead": {"email": "lead2@example.com"}},
        {"field": "leads[99999999999999999999].email"},
        {"field": "customers[3].email"},
        {"loc": ["leads", "3"]},
        {"value": ADDRESS},
    ],
)
def test_nobody_is_guessed(entry: Json) -> None:
    error = refused({"errors": [entry, {"email": "lead1@example.com"}]})
    assert (error.named, error.by_address, error.entries, error.complete) == ({1}, {1}, 2, False)
    assert refused({"errors": [entry]}).named == set()


@pytest.mark.parametrize("data", [None, [], "x", {}, {"errors": None}, {"errors": {"leads.3": "bad"}}, {"errors": []}])
def test_no_entries_name_nobody(data: Json) -> None:
    error = refused(data)
    assert (error.named, error.entries, error.complete) == (set(), 0, False)
    assert str(error).endswith("refused with 422; 5 leads sent, none of them named.")


def test_an_address_counts_more_than_a_position() -> None:
    """Positions can be counted from elsewhere."""
    error = refused({"errors": [{"email": ADDRESS, "index": 4}, {"index": 1}]})
    assert (error.named, error.by_address, error.complete) == ({1, 3}, {3}, True)
    assert "5 leads sent, 2 of them named (line 3, 5 of the list)" in str(error)


def test_it_is_certain_that_nobody_was_enrolled_unless_a_try_before_was_lost() -> None:
    assert refused({"errors": [{"index": 1}]}).sent is False
    api, _ = client(reply(502, {}), reply(422, {"errors": [{"index": 1}]}))
    with pytest.raises(LeadsRefusedError) as caught:
        api.enroll("camp_1", LEADS)
    assert caught.value.sent


def test_the_error_holds_nothing_of_the_answer() -> None:
    error = refused({"code": "Ada", "message": ADDRESS, "errors": [{"email": ADDRESS, "message": "F3 is no name"}]})
    shown = f"{error} {error!r} {vars(error)!r} {error.diagnostics!r}"
    assert not [word for word in ("@", "Ada", "lead3", "F3") if word.casefold() in shown.casefold()]


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([ADDRESS, "leads[2]", "leads"]),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["errors", "error", "email", "index", "row", "lead", "loc", "path"]), inner)
    ),
    max_leaves=20,
)


@given(json)
def test_whatever_is_answered_only_positions_come_of_it(data: Any) -> None:
    named = named_leads(data, LEADS)
    assert named.by_address <= named.positions <= set(range(len(LEADS)))
    assert len(named.positions) <= named.naming <= named.entries
