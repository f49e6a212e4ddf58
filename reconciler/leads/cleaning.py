"""What becomes of the cells of a row, as SQL: an address in its normal form, fields, keyed hashes, what is wrong.

Where SQL and the rules in Python could differ, `address_of` and `is_visible` are asked, row by row. The usual row never
needs them: it is printable ASCII, and its address one that email-validator certainly accepts as it is.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from reconciler.leads.addresses import RESERVED
from reconciler.leads.engine import literal
from reconciler.leads.ledger import FIELD, HASH_BYTES, hmac_pads

_SPACES = "".join(char for char in map(chr, range(0x3001)) if char.isspace())
_SURE = r"[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+[A-Za-z]+"
_LONGEST_SURE = 64
"""Octets of a whole address: neither its local part nor a label of its domain is then too long (RFC 5321, RFC 1035)."""

SEEN = (
    r"[!-~\x{a1}-\x{ac}\x{ae}-\x{2af}\x{400}-\x{52f}\x{5d0}-\x{5ea}\x{620}-\x{64a}\x{904}-\x{939}\x{e01}-\x{e30}"
    r"\x{3041}-\x{3096}\x{30a1}-\x{30fa}\x{4e00}-\x{9fa5}\x{ac00}-\x{d7a3}]"
)
"""Some characters that are certainly seen: Latin, Cyrillic, Hebrew, Arabic, Devanagari, Thai, kana, Han, Hangul."""

_DECEIVING = r"[\x{1}-\x{8}\x{b}\x{c}\x{e}-\x{1f}\x{7f}-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]"
_NOT_IN_A_SUBJECT = r"[\p{Cc}\x{2028}\x{2029}\x{202a}-\x{202e}\x{2066}-\x{2069}]"


class Shape(NamedTuple):
    """How the rows of a file become leads: `email` and `fields` tell its columns by number.

    `names` are the fields that a lead of the list may have, in the order of the values `v0`, `v1`, …. `tokens` are the
    fields that emails use, `subjects` those of them that stand in a subject; `examples_only`: real people are told.
    """

    email: int
    fields: Mapping[str, int]
    names: Sequence[str]
    fallbacks: Mapping[str, str]
    tokens: Sequence[str]
    subjects: frozenset[str]
    examples_only: bool

    def value(self, token: str) -> str:
        """Return the column that holds the value of a field."""
        return f"v{self.names.index(token)}"


def people(rows: str, width: int, shape: Shape, key: bytes, *, quoted: str | None) -> str:
    """Return the query that makes hashes and flags of the rows of a list, one for each, in the same order.

    `a` and `f` are the hashes of address and of fields; `bad` is the address as written where it is none. `empty` rows
    hold nothing. With `quoted`, the character that parts the cells of a file with quotes, `quotes` and `inside` count
    quotes and such characters in cells. `b0`, `b1`, … tell whether a token is blank, `unfit` how many values would
    break an email, `real` whether the address can be somebody's.
    """
    quotes, inside = (_count("everything", char) for char in ('"', quoted)) if quoted else ("0", "0")
    blanks = (f", {shape.value(token)} = '' AS b{index}" for index, token in enumerate(shape.tokens))
    domains = " OR ".join(f"ends_with(address, {literal(mark + domain)})" for domain in RESERVED for mark in "@.")
    return (
        f"SELECT line, {_hmac(key, 'address')} AS a, {_hmac(key, 'message')} AS f,"
        " CASE WHEN address IS NULL THEN written END AS bad, empty,"
        f" {quotes} AS quotes, {inside} AS inside,"
        f" {f'NOT ({domains})' if shape.examples_only else 'FALSE'} AS real, {_unfit(shape)} AS unfit{''.join(blanks)}"
        f" FROM (SELECT *, {_message(shape)} AS message FROM ({leads(rows, width, shape)}))"
    )


def fields_hash(query: str, shape: Shape, key: bytes) -> str:
    """Return the query that adds `hash`, that of the fields, to leads as `leads` makes them."""
    return f"SELECT *, {_hmac(key, 'message')} AS hash FROM (SELECT *, {_message(shape)} AS message FROM ({query}))"


def leads(rows: str, width: int, shape: Shape, *, also: str = "") -> str:
    """Return the query that makes leads of the rows of a list: `address` and the values of `shape.names`.

    `rows` is a relation of `line` and the cells `c0`, `c1`, …; `width` is their number. A value of `''` is not sent; an
    address of NULL is none. `also` are further columns that are kept.
    """
    used = sorted({shape.email, *shape.fields.values()})
    every = ", ".join(f"c{index}" for index in range(width))
    cells = "".join(f", coalesce(c{index}, '') AS c{index}, coalesce(trim(c{index}), '') AS t{index}" for index in used)
    read = f"SELECT line{also}{cells}, concat_ws(' ', {every}) AS everything, concat({every}) AS bare FROM {rows}"
    plain = f"SELECT *, NOT regexp_matches(everything, '[^ -~]') AS plain FROM ({read})"
    email = f"t{shape.email}"
    wide = "".join(
        f", CASE WHEN plain THEN t{index} ELSE trim(c{index}, {literal(_SPACES)}) END AS w{index}" for index in used
    )
    special = " OR ".join(f"ends_with(lower({email}), {literal(end)})" for end in _not_sure())
    sure = f"strlen({email}) <= {_LONGEST_SURE} AND regexp_full_match({email}, {literal(_SURE)}) AND NOT ({special})"
    bare = f"trim(bare, {literal(_SPACES)}) = ''"
    trimmed = (
        f"SELECT *, CASE WHEN {sure} THEN lower({email}) ELSE address_of(c{shape.email}) END AS address,"
        f" CASE WHEN plain AND {email} <> '' THEN FALSE ELSE {bare} END AS empty{wide} FROM ({plain})"
    )
    values = "".join(f", {_value(shape, field)} AS v{index}" for index, field in enumerate(shape.names))
    return f"SELECT line{also}, address, c{shape.email} AS written, empty, plain, everything{values} FROM ({trimmed})"


@cache
def _not_sure() -> list[str]:
    """Return the ends of domains that email-validator knows more about."""
    from email_validator import SPECIAL_USE_DOMAIN_NAMES

    return sorted({f".{domain.rpartition('.')[2]}" for domain in SPECIAL_USE_DOMAIN_NAMES})


def _value(shape: Shape, field: str) -> str:
    fallback = literal(shape.fallbacks.get(field, ""))
    if field not in shape.fields:
        return fallback
    cell = f"w{shape.fields[field]}"
    seen = f"plain OR regexp_matches({cell}, {literal(SEEN)}) OR ({cell} <> '' AND is_visible({cell}))"
    return f"CASE WHEN {cell} <> '' AND ({seen}) THEN {cell} ELSE {fallback} END"


def _message(shape: Shape) -> str:
    """Write what the hash of the fields covers (`ledger.message_of`)."""
    simple = "plain" if not any(FIELD in text for text in shape.fallbacks.values()) else "FALSE"
    parts = ["address"]
    for index, field in enumerate(shape.names):
        begin = literal(f"{FIELD}{field}=")
        whole = f"replace(v{index}, {literal(FIELD)}, {literal(FIELD * 2)})"
        parts.append(
            f"CASE WHEN v{index} = '' THEN '' WHEN {simple} THEN {begin} || v{index} ELSE {begin} || {whole} END"
        )
    return " || ".join(parts)


def _unfit(shape: Shape) -> str:
    """Count values that would break an email (`coverage.unfit_values`)."""
    if not shape.tokens:
        return "0"
    wrong = []
    for token in shape.tokens:
        value = shape.value(token)
        refused = _NOT_IN_A_SUBJECT if token in shape.subjects else _DECEIVING
        wrong.append(f"(contains({value}, '{{{{') OR regexp_matches({value}, {literal(refused)}))::INTEGER")
    simple = "plain AND NOT contains(message, '{{')" if "".join(shape.fallbacks.values()).isprintable() else "FALSE"
    return f"CASE WHEN {simple} THEN 0 ELSE {' + '.join(wrong)} END"


def _count(text: str, char: str) -> str:
    return f"(strlen({text}) - strlen(replace({text}, {literal(char)}, '')))::INTEGER"


def _hmac(key: bytes, text: str) -> str:
    """Write HMAC-SHA256 (RFC 2104), cut to the ledger's length, as a number."""
    inner, outer = map(literal, hmac_pads(key))
    digest = f"sha256({outer} || unhex(sha256({inner} || encode({text}))))"
    return f"('0x' || left({digest}, {2 * HASH_BYTES}))::UHUGEINT"
