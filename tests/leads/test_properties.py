"""Random small lists: the roster against a naive count, and no address anywhere it does not belong."""

import csv
import io
from pathlib import Path

from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from leads.makers import Ledger, make_campaign, make_source
from support.examples import examples

from reconciler.diagnostics import SpecError

_NAMES = ["quentin", "rosalind", "zachary"]
_ADDRESS = st.builds(
    lambda name, at, domain, case: getattr(f"{name}{at}{domain}", case)(),
    st.sampled_from(_NAMES),
    st.sampled_from(["@", "@", "@", "@", "@@", " @ ", "@ "]),
    st.sampled_from(["example.com", "example.org", "localhost"]),
    st.sampled_from(["lower", "upper", "title"]),
)
_VALUE = st.sampled_from(["", " ", "Ada", 'A "B"', "x,y", "two\nlines"])
_ROWS = st.lists(st.tuples(_ADDRESS, _VALUE, _VALUE), max_size=7)
_Rows = list[tuple[str, str, str]]


def write(path: Path, rows: _Rows) -> Path:
    out = io.StringIO()
    csv.writer(out).writerows([("E-Mail", "firstName", "Firm"), *rows])
    path.write_bytes(out.getvalue().encode())
    return path


def naive(rows: _Rows) -> dict[str, dict[str, str]]:
    people: dict[str, dict[str, str]] = {}
    for address, first, firm in rows:
        normal = address.lower()
        if normal.count("@") == 1 and " " not in normal and normal.endswith((".com", ".org")) and normal not in people:
            fields = {"firstName": first.strip() or "there", "company": firm.strip()}
            people[normal] = {name: value for name, value in fields.items() if value}
    return people


def valid(rows: _Rows) -> _Rows:
    return [row for row in rows if row[0].lower() in naive([row])]


@examples(120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=_ROWS, today=_ROWS)
def test_the_roster_is_what_a_naive_count_says(tmp_path: Path, before: _Rows, today: _Rows) -> None:
    ledger = Ledger()
    source = make_source(tmp_path, ledger, batch_size=2)
    mapped = {"columns": {"email": "E-Mail", "company": "Firm"}, "fallbacks": {"firstName": "there"}}
    old = make_campaign(write(tmp_path / "before.csv", valid(before)), key="old", **mapped)
    ledger.add(*(source.segment(leads) for _, leads in source.batches(old, None)))

    campaign = make_campaign(write(tmp_path / "today.csv", today), body="{{company}} {{firstName}}", **mapped)
    roster = source.roster(campaign, ledger.state)
    people, known = naive(today), naive(before)
    assert (roster.rows, roster.leads) == (len(today), len(people))
    assert roster.rejected == len(today) - len(valid(today))
    assert roster.duplicates == len(valid(today)) - len(people)
    assert (roster.new, roster.gone) == (len(people.keys() - known.keys()), len(known.keys() - people.keys()))
    assert roster.changed == sum(people[who] != known[who] for who in people.keys() & known.keys())
    blanks = sum("company" not in fields for fields in people.values())
    assert roster.blanks == ({"company": blanks} if blanks else {})

    whole = make_campaign(write(tmp_path / "whole.csv", valid(today)), key="whole", **mapped)
    counted = source.roster(whole, ledger.state)
    assert counted.digest == roster.digest
    assert len(counted.hashes) == len(roster.hashes) == counted.hashes.common(roster.hashes)
    sent: dict[str, dict[str, dict[str, str]]] = {"new": {}, "changed": {}}
    for kind, leads in source.batches(whole, ledger.state):
        assert 0 < len(leads) <= 2
        sent[kind] |= {lead.email: lead.fields for lead in leads}
    assert sent["new"] == {who: fields for who, fields in people.items() if who not in known}
    assert sent["changed"] == {who: fields for who, fields in people.items() if who in known and known[who] != fields}


@examples(120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=_ROWS,
    header=st.sampled_from(
        [
            "email,firstName,Firm",
            "E-Mail,firstName,Firm",
            "email,email,Firm",
            "email,Firm",
            "",
            "rosalind@example.com,x,y",
        ]
    ),
    tail=st.sampled_from(["", 'quentin@example.com,"Ada', "zachary@example.com", 'rosalind@example.com,a"b,c', "\x00"]),
)
def test_no_address_is_in_a_message_or_repr(tmp_path: Path, rows: _Rows, header: str, tail: str) -> None:
    path = write(tmp_path / "list.csv", rows)
    path.write_bytes(header.encode() + path.read_bytes()[len("E-Mail,firstName,Firm") :] + tail.encode())
    source, campaign = make_source(tmp_path), make_campaign(path, body="{{firstname}}")
    roster = source.roster(campaign, None)
    shown = [repr(roster), roster.model_dump_json(), repr(roster.diagnostics), repr(source)]
    try:
        batches = source.batches(campaign, None)
    except SpecError as problem:
        shown += [str(problem), repr(problem)]
    else:
        shown += [repr(leads) for _, leads in batches]
    assert not [name for name in _NAMES for text in shown if name in text.lower()]
