"""The log of a job as the runner writes it: workflow commands are taken from it, secrets are starred."""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from support.actions.results import Command, Leak
from support.actions.values import Refused

STARS = "***"
_KNOWN = {
    "error",
    "warning",
    "notice",
    "debug",
    "group",
    "endgroup",
    "add-mask",
    "echo",
    "add-matcher",
    "remove-matcher",
}
_GONE = {"set-output", "save-state", "set-env", "add-path"}
_COMMAND = re.compile(r"\s*::([a-zA-Z-]+)(?: ([^:]*(?::[^:]+)*?))?::(.*)", re.DOTALL)
_OLD_COMMAND = re.compile(r"##\[([a-zA-Z-]+)(?: ([^\]]*))?\](.*)", re.DOTALL)


@dataclass(frozen=True)
class _Line:
    where: str
    text: str
    # Whether the runner wrote the line itself, where secrets that are known by then are as they should be.
    own: bool
    shown: str


@dataclass
class JobLog:
    """The log of one job. `masks` are values that the runner stars from now on."""

    job: str
    masks: list[str] = field(default_factory=list)
    _lines: list[_Line] = field(default_factory=list)

    def mask(self, value: str) -> None:
        """Star a value, each of its lines, and what basic authentication makes of it."""
        encoded = base64.b64encode(value.encode()).decode()
        self.masks.extend(part for part in {value, *value.splitlines(), encoded} if part.strip())

    def starred(self, text: str) -> str:
        for value in sorted(self.masks, key=len, reverse=True):
            text = text.replace(value, STARS)
        return text

    def add(self, where: str, text: str, *, own: bool) -> str:
        """Add a line, and return it as it is shown."""
        shown = self.starred(text)
        self._lines.append(_Line(where, text, own, shown))
        return shown

    def leaks(self, also: Iterable[tuple[str, str]] = ()) -> list[Leak]:
        """Return what could be read of any secret or masked value; `also` are further texts, with where they are."""
        lines = [*self._lines, *(_Line(where, text, own=False, shown=text) for where, text in also)]
        return [
            Leak(self.job, line.where, value, line.shown)
            for value in dict.fromkeys(self.masks)
            for line in lines
            if value in (line.shown if line.own else line.text)
        ]


class StepLog:
    """The part of it that is one step's."""

    def __init__(self, log: JobLog, step: str) -> None:
        self._log = log
        self._step = step
        self._shown: list[str] = []
        self._stopped: str | None = None
        self.commands: list[Command] = []

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self._shown)

    def head(self, title: str, body: Iterable[str], blocks: Mapping[str, Mapping[str, str]]) -> None:
        """Write what the runner says before a step: what it runs, with what, in which environment."""
        lines = [f"##[group]{title}", *body]
        for name, block in blocks.items():
            if block:
                lines += [f"{name}:", *(f"  {key}: {value}" for key, value in block.items())]
        for line in [*lines, "##[endgroup]"]:
            for part in line.split("\n"):
                self.say(part)

    def say(self, line: str) -> None:
        """Write a line of the runner's own."""
        self._shown.append(self._log.add(self._step, line, own=True))

    def fail(self, message: str) -> None:
        self.say(f"##[error]{message}")
        self.commands.append(Command("error", {}, self._log.starred(message)))

    def output(self, text: str) -> None:
        """Write what a process said, and do what its commands ask."""
        for line in text.splitlines():
            self._line(line)

    def _line(self, line: str) -> None:
        new, old = _COMMAND.fullmatch(line), _OLD_COMMAND.search(line)
        if self._stopped is not None:
            if new and new.group(1) == self._stopped:
                self._stopped = None
            self._shown.append(self._log.add(self._step, line, own=False))
            return
        command = _parsed(new, ",", _unescaped) if new else _parsed(old, ";", _unescaped_old) if old else None
        if command and command.name == "stop-commands":
            self._stopped = command.message
        elif command and command.name in _GONE:
            raise Refused(f"a command that GitHub no longer does: {line}")
        elif command and command.name in _KNOWN:
            if command.name == "add-mask":
                self._log.mask(command.message)
                self.say(line if new and "%" not in line else f"::add-mask::{STARS}")
                return
            starred = {key: self._log.starred(value) for key, value in command.properties.items()}
            self.commands.append(Command(command.name, starred, self._log.starred(command.message)))
        self._shown.append(self._log.add(self._step, line, own=False))


def _parsed(found: re.Match[str], sign: str, unescape: "type[str] | object") -> Command:
    assert callable(unescape)
    pairs = (pair.partition("=") for pair in (found.group(2) or "").split(sign) if "=" in pair)
    properties = {key.strip(): unescape(value) for key, _, value in pairs}
    return Command(found.group(1).lower(), properties, unescape(found.group(3)))


def _unescaped(text: str) -> str:
    return re.sub("%(?:25|0D|0A|3A|2C)", lambda found: unquote(found.group()), text, flags=re.IGNORECASE)


def _unescaped_old(text: str) -> str:
    return re.sub("%(?:25|0D|0A|3B|5D)", lambda found: unquote(found.group()), text, flags=re.IGNORECASE)
