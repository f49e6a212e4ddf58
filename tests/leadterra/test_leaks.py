"""No key and no address, whatever the server says: not in a message, a repr, a chain of causes, or a log."""

import logging
import traceback

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadterra.fakes import KEY, LEADS, Reply, client, page, reply, served

from reconciler.diagnostics import ApiError
from reconciler.leadterra import LeadterraClient
from reconciler.leadterra.redaction import LONGEST_QUOTE, Redactor

ECHO = f"{KEY} Bearer {KEY} ada@example.com Ada%40Example.com Analytical sk_live_other123"
LOCAL = ECHO.replace("Analytical", "")
"""What the machine itself says before anything is sent cannot repeat what was sent."""

ANSWERS: list[Reply] = [
    reply(400, {"error": {"code": KEY, "message": ECHO}}),
    reply(400, {"code": "ada@example.com", "message": ECHO}),
    reply(422, {"error": ECHO, "errors": [{"email": "ada@example.com", "message": ECHO}], ECHO: 1}),
    reply(401, {"error": ECHO}),
    reply(403, {"error": ECHO}),
    reply(404, {"code": "campaign_not_found", "message": ECHO}),
    reply(404, {"error": ECHO}),
    reply(200, {ECHO: ECHO, "ada@example.com": 1}),
    reply(200, {"id": ECHO, "status": ECHO, "enrolled": ECHO, "totalEnrolled": ECHO}),
    reply(200, [ECHO]),
    reply(200, ECHO),
    reply(302, None, location=f"https://{KEY}.example.com/{KEY}"),
    page(400, ECHO, f"text/{KEY}; ada@example.com"),
    page(200, ECHO, f"text/{KEY}; ada@example.com"),
    page(200, ECHO, "application/json"),
    reply(500, {"error": ECHO}),
    reply(429, {"error": ECHO}, retry_after=KEY),
    httpx.ConnectError(LOCAL),
    httpx.ReadError(ECHO),
    httpx.ReadTimeout(ECHO),
    httpx.ProxyError(LOCAL),
]
SECRETS = (KEY, KEY.lower(), "ada@example.com", "bob@example.org", "ada%40", "sk_live_other123")


@pytest.mark.parametrize("number", range(len(ANSWERS)))
@pytest.mark.parametrize("call", ["enroll", "create", "start", "campaign", "stats", "replies", "sender_pools"])
def test_nothing_leaks(
    number: int, call: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    api, _ = client(ANSWERS[number], attempts=2)
    with pytest.raises(ApiError) as caught:
        {
            "enroll": lambda: api.enroll("camp_1", LEADS),
            "create": lambda: api.create("N", (), operation="op-1"),
            "start": lambda: api.start("camp_1"),
            "campaign": lambda: api.campaign("camp_1"),
            "stats": lambda: api.stats("camp_1"),
            "replies": lambda: api.replies("camp_1"),
            "sender_pools": api.sender_pools,
        }[call]()
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    output = capsys.readouterr()
    shown = [str(error), repr(error), repr(error.diagnostics), repr(vars(error)), repr(api), repr(vars(api))]
    shown += [*traceback.format_exception(error), output.out, output.err]
    shown += [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    text = "\n".join(shown).lower()
    for secret in SECRETS:
        assert secret.lower() not in text
    if call == "enroll":
        assert "analytical" not in text


def test_the_libraries_log_nothing_of_a_real_conversation(caplog: pytest.LogCaptureFixture) -> None:
    """Httpx logs addresses at INFO, httpcore headers of answers at DEBUG, stamina causes at WARNING."""
    caplog.set_level(logging.DEBUG)
    with (
        served(lambda handler: handler.answer(500, ECHO), lambda handler: handler.answer(200, [])) as (address, seen),
        LeadterraClient(address, KEY, allow_writes=False, max_wait=0.01) as api,
    ):
        api.sender_pools()
    assert len(seen) == 2
    assert [record for record in caplog.records if record.name.split(".")[0] in {"httpx", "httpcore", "stamina"}] == []


def test_objects_show_nothing() -> None:
    api, _ = client(reply(data=[]))
    assert KEY not in f"{api!r} {api} {vars(api._transport)!r} {api._transport!r}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "plain words"),
        ("to ada@example.com.", "to [address]"),
        ("<ada+x@example.com>, 'o''b@example.org'", "<[address]>, 'o''[address]'"),
        ('{"email":"ada@example.com"}', '{"email":"[address]"}'),
        ("mailto:ada%40example.com", "mailto:[address]"),
        ("ada\uff20example.com", "[address]"),
        (f"key={KEY}!", "key=[key]!"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [key]"),
        ("sk_live_1 sk_test_2-x", "[key] [key]"),
        ("a\x00b\x1b[2Jc\u2028d\u202ee", "a b [2Jc d e"),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_what_a_quotation_shows(text: str, shown: str) -> None:
    assert Redactor(KEY).text(text) == shown


@given(st.text(st.characters()), st.text(st.characters()), st.sampled_from([KEY, "ada@example.com"]))
def test_a_quotation_is_short_plain_and_clean(before: str, after: str, secret: str) -> None:
    shown = Redactor(KEY).text(f"{before} {secret} {after}")
    assert secret not in shown
    assert len(shown) <= LONGEST_QUOTE
    assert shown.isprintable() or not any(ord(character) < 32 for character in shown)


def test_the_structure_of_a_private_answer_shows_documented_names_only() -> None:
    redactor = Redactor(KEY)
    data = {"email": 1, "ada@example.com": 2, "Ada": 3, "errors": []}
    assert redactor.structure(data, private=True) == "an object with keys email, errors and 2 more"
    assert redactor.structure(data, private=False) == "an object with keys email, [address], Ada, errors"
    assert redactor.structure({"Ada": 3}, private=True) == "an object with 1 undocumented keys"
    assert redactor.structure({f"k{n}": n for n in range(20)}, private=False).endswith("k7 and 12 more")
