"""Strangers' text made safe for terminals and pipeline logs: names, subjects and answers of servers are not ours.

Pipelines read commands out of the log. GitHub's runner takes `::` at the beginning of a line, leading white space
aside, and `##[` anywhere in it (actions/runner, `ActionCommand.cs`); Azure takes `##vso[`, TeamCity `##teamcity[`.
"""

import re

_IGNORABLE = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0d\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff"
)
_FORMAT = (
    "\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
)
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff" + _FORMAT + _IGNORABLE + "]")
"""Controls, format characters (bidi, zero width), invisible ones, line separators, lone surrogates."""

_SGR = r"(?:\x1b\[[0-9;]*m)*"
_SELECTOR = "[\ufe0e\ufe0f]"
_COMMAND = re.compile(rf"(?m)^((?:[^\S\n]|{_SELECTOR}|\x1b\[[0-9;]*m)*)(?=:{_SGR}{_SELECTOR}*:)")
_HASHES = re.compile(rf"(#{_SGR})(?=#{_SGR}(?:[a-z]{_SGR})*\[)", re.IGNORECASE)


def _named(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code <= 0xFF:  # noqa: PLR2004 - what two hexadecimal digits hold
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - what four of them hold


def visible(text: str) -> str:
    r"""Write line breaks as `⏎`, and every character that is not seen, or acts on the terminal, as `\x1b` does here."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(_named, text.replace("\r\n", "⏎").replace("\n", "⏎"))


def guard(text: str) -> str:
    r"""Break workflow commands up in text of any number of lines, colours or not: `\::error`, `#\#[group]`."""
    if ":" not in text and "#" not in text:
        return text
    return _HASHES.sub(r"\1\\", _COMMAND.sub(r"\1\\", text))


def plain(text: str) -> str:
    """Make any text safe as (part of) one line of a terminal or a pipeline's log."""
    return guard(visible(text))


def json_escapes(document: str) -> str:
    r"""Spell what is unsafe in a JSON document as `\u…`: it can stand in strings only, so the value stays the same."""
    return re.sub(r"##(?=[A-Za-z]*\[)", r"#\\u0023", _UNSAFE_IN_JSON.sub(_json_name, document))


_UNSAFE_IN_JSON = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", "\x00-\x09\x0b-\x1f", 1))


def _json_name(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))
