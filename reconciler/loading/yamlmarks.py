"""YAML to plain data with the place of every key and value; strangers' files, so within limits.

The data are built straight from the parser's events: nothing here recurses, so nesting cannot exhaust the stack
(libyaml's own composer crashes on it), and aliases, tags and duplicate keys are seen before anything is made of them.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from reconciler.diagnostics import Diagnostic, SourceRange, error
from reconciler.loading import scalars
from reconciler.loading.yamlwords import YamlMark, explain

Path = tuple[str | int, ...]
YamlEvent = Any
"""One of PyYAML's node events. Its marks are always there, which the library's types do not say."""

MAX_DEPTH = 64
MAX_NODES = 50_000
MAX_PROBLEMS = 100
TEXT_KEYS = frozenset({"name", "subject", "bodyHtml", "bodyText"})
"""Keys whose unquoted texts are looked at: they are prose, where ` #`, `{{` and `[[` are likely."""

_FREE_MAPPINGS = frozenset({"variables", "labels", "columns", "fallbacks"})
_COMMENT = re.compile(r"[ \t]+#")
_CORE = "tag:yaml.org,2002:"
_SCALAR_TAGS: dict[str, tuple[type, ...]] = {
    f"{_CORE}int": (int,),
    f"{_CORE}float": (int, float),
    f"{_CORE}bool": (bool,),
    f"{_CORE}null": (type(None),),
}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Mark(NamedTuple):
    """A place in a file, counted from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Document:
    """One YAML file: its data (None: it is empty), and the place of each value and each key by its path.

    `blocks` are the texts written with `|`, whose lines stand one below the other after the mark's line; `inexact` are
    the numbers that would read differently from what is written (`19.90`); `broken` are values that could not be made:
    what is said about them further on is not worth telling.
    """

    file: str
    data: Any = None
    values: dict[Path, YamlMark] = field(default_factory=dict)
    keys: dict[Path, YamlMark] = field(default_factory=dict)
    blocks: set[Path] = field(default_factory=set)
    inexact: dict[Path, str] = field(default_factory=dict)
    broken: set[Path] = field(default_factory=set)


def parse(text: str, file: str) -> tuple[Document | None, list[Diagnostic]]:
    """Parse one file. The document is None where its YAML is not valid; the diagnostics are errors, all found."""
    builder = _Builder(text, file)
    try:
        builder.build()
    except _TooMuchError:
        return None, builder.problems
    except yaml.YAMLError as problem:
        code, message, hint, mark = explain(problem, text)
        # What follows unquoted braces on their line is a consequence of them.
        if not any(item.code == "unquoted" and item.line == mark[0] for item in builder.problems):
            builder.tell(code, message, hint, Mark(*mark))
        return None, builder.problems
    return builder.document, builder.problems


class _TooMuchError(Exception):
    """The file passes a limit; the reason is told already."""


class _TagError(Exception):
    """The tag asks for more than plain data."""


class _NoKey:
    """Stands where a mapping waits for its next key."""


_NO_KEY = _NoKey()


@dataclass(slots=True)
class _Frame:
    """A container being filled. `path` is None below a value that is thrown away."""

    container: dict[str, Any] | list[Any]
    path: Path | None
    key: str | _NoKey | None = _NO_KEY
    is_key: bool = False
    start: tuple[int, int] = (0, 0)


class _Builder:
    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.document = Document(file)
        self.problems: list[Diagnostic] = []
        self._stack: list[_Frame] = []
        self._documents = 0
        self._nodes = 0

    def tell(self, code: str, message: str, hint: str | None, mark: Mark) -> None:
        """Keep a problem; past a hundred of them the file is given up."""
        at = SourceRange(file=self.document.file, line=mark.line, column=mark.column)
        self.problems.append(error(code, message, hint=hint, at=at))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _TooMuchError

    def build(self) -> None:
        loader = _LOADER(self.text)
        try:
            while (kind := type(event := loader.get_event())) is not StreamEndEvent:
                if kind is ScalarEvent:
                    self._scalar(event)
                elif kind is MappingStartEvent or kind is SequenceStartEvent:
                    self._open(event, is_map=kind is MappingStartEvent)
                elif kind is MappingEndEvent or kind is SequenceEndEvent:
                    self._close()
                elif kind is AliasEvent:
                    self._alias(event)
                elif kind is DocumentStartEvent:
                    self._document_start(event)
        finally:
            loader.dispose()

    def _alias(self, event: YamlEvent) -> None:
        self.tell("yaml-alias", "Aliases (`*name`) are not accepted.", "Write the value out.", _mark(event))
        if self._awaits_key():
            self._stack[-1].key = None
        else:
            self._attach(None, event, broken=True)

    def _document_start(self, event: YamlEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            hint = "Put each campaign into a file of its own; remove the line `---`."
            self.tell("yaml-documents", "The file holds more than one YAML document.", hint, _mark(event))
            raise _TooMuchError

    def _scalar(self, event: YamlEvent) -> None:
        self._node(event)
        broken = False
        value: scalars.Scalar = event.value
        if event.tag is not None or not event.style:
            try:
                value = self._resolved(event)
            except _TagError:
                self._bad_tag(event)
                broken = True
            except ValueError as problem:
                self.tell("yaml-value", f"This value is not accepted: {problem}.", "Put it in quotes.", _mark(event))
                broken = True
        if isinstance(value, str) and not value.isascii() and not _is_encodable(value):
            self.tell("yaml-value", "The text holds half a character (a lone surrogate).", None, _mark(event))
            value, broken = "", True
        if self._awaits_key():
            self._key(value, event, broken=broken)
            return
        path = self._attach(value, event, broken=broken)
        if path is None:
            return
        if event.style == "|":
            self.document.blocks.add(path)
        elif not event.style:
            if type(value) in {int, float} and str(value) != event.value:
                self.document.inexact[path] = event.value
            self._look_for_comment(event, path)

    def _resolved(self, event: YamlEvent) -> scalars.Scalar:
        tag = event.tag
        if tag is None:
            return scalars.resolve(event.value)
        if tag in {"!", f"{_CORE}str"}:
            return str(event.value)
        kinds = _SCALAR_TAGS.get(tag)
        if kinds is None:
            raise _TagError
        value = scalars.resolve(event.value)
        if type(value) not in kinds:
            raise ValueError(f"it is not what its tag `!!{tag.removeprefix(_CORE)}` says")
        return value

    def _bad_tag(self, event: YamlEvent) -> None:
        tag = str(getattr(event, "tag", "")).replace(_CORE, "!!")[:60]
        self.tell("yaml-tag", f"The tag `{tag}` is not accepted.", "Remove it: specs are plain data.", _mark(event))

    def _node(self, event: YamlEvent) -> None:
        """Check what holds for every node: how many there are, and that none is named by an anchor."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            message = f"The file holds more than {MAX_NODES:,} keys and values."
            self.tell("yaml-size", message, "One file holds one campaign.", _mark(event))
            raise _TooMuchError
        if event.anchor is not None:
            hint = "Remove it; what campaigns share goes under `defaults` in workspace.yaml."
            self.tell("yaml-alias", f"Anchors (`&{event.anchor[:60]}`) are not accepted.", hint, _mark(event))

    def _open(self, event: YamlEvent, *, is_map: bool) -> None:
        self._node(event)
        if event.tag is not None and event.tag not in {"!", f"{_CORE}map" if is_map else f"{_CORE}seq"}:
            self._bad_tag(event)
        if len(self._stack) >= MAX_DEPTH:
            self.tell("yaml-depth", f"The nesting is deeper than {MAX_DEPTH} levels.", None, _mark(event))
            raise _TooMuchError
        container: dict[str, Any] | list[Any] = {} if is_map else []
        self._look_for_token(event, is_map=is_map)
        start = (event.start_mark.line, event.start_mark.column)
        if self._awaits_key():
            parent = self._stack[-1]
            if parent.path is None or parent.path not in self.document.broken:
                self.tell("yaml-key", "A key must be a text, not a list or a mapping.", None, _mark(event))
            self._stack.append(_Frame(container, None, is_key=True, start=start))
        else:
            path = self._attach(container, event)
            self._stack.append(_Frame(container, path, start=start))

    def _close(self) -> None:
        if self._stack.pop().is_key:
            self._stack[-1].key = None

    def _look_for_token(self, event: YamlEvent, *, is_map: bool) -> None:
        """Tell `subject: {{token}}` and `subject: [[ name ]]`, which YAML takes for mappings and lists."""
        frame = self._stack[-1] if self._stack else None
        if frame is None or not event.flow_style or frame.path is None or frame.container:
            return
        here = (event.start_mark.line, event.start_mark.column)
        if here != (frame.start[0], frame.start[1] + 1) or is_map != isinstance(frame.container, dict):
            return
        if not is_map and not (frame.path and frame.path[-1] in TEXT_KEYS):
            return
        index = event.start_mark.index - 1
        rest = re.split(r"[\r\n]", self.text[index : index + 200], maxsplit=1)[0].strip()
        mark = Mark(here[0] + 1, here[1])
        braces = "{{" if is_map else "[["
        message = f"A text that begins with `{braces}` must be quoted; YAML reads it as something else."
        self.tell("unquoted", message, f"Put the text in quotes: {_quoted(rest)}", mark)
        self.document.broken.add(frame.path)

    def _look_for_comment(self, event: YamlEvent, path: Path) -> None:
        """Tell `subject: Is #1 you?`, of which YAML keeps `Is`."""
        if not path or path[-1] not in TEXT_KEYS or any(part in _FREE_MAPPINGS for part in path[:-1]):
            return
        end = event.end_mark
        if comment := _COMMENT.match(self.text, end.index):
            start = event.start_mark.index
            line = re.split(r"[\r\n]", self.text[start : start + 500], maxsplit=1)[0].strip()
            mark = Mark(end.line + 1, end.column + len(comment[0]))
            message = f"`{path[-1]}` is cut off here: ` #` begins a comment in an unquoted text."
            self.tell("cut-off", message, f"Put the whole text in quotes: {_quoted(line)}", mark)
            self.document.broken.add(path)

    def _awaits_key(self) -> bool:
        frame = self._stack[-1] if self._stack else None
        return frame is not None and isinstance(frame.container, dict) and frame.key is _NO_KEY

    def _key(self, value: scalars.Scalar, event: YamlEvent, *, broken: bool) -> None:
        frame = self._stack[-1]
        frame.key = None
        if broken or not isinstance(frame.container, dict):
            return
        if isinstance(value, str) and value not in frame.container and not (value == "<<" and not event.style):
            frame.key = value
            if frame.path is not None:
                self.document.keys[*frame.path, value] = event.start_mark
            return
        mark = _mark(event)
        if value == "<<" and not event.style:
            hint = "What campaigns share goes under `defaults` in workspace.yaml."
            self.tell("yaml-merge", "Merge keys (`<<`) are not accepted.", hint, mark)
        elif not isinstance(value, str):
            hint = f"Put it in quotes: {_quoted(event.value)}"
            self.tell("yaml-key", f"The key `{event.value[:60]}` is not a text.", hint, mark)
        else:
            first = self.document.keys.get((*frame.path, value)) if frame.path is not None else None
            place = f" (first in line {first.line + 1})" if first else ""
            message = f"`{value[:60]}` is given twice{place}; only one can hold."
            self.tell("duplicate-key", message, "Remove one of them.", mark)

    def _attach(self, value: Any, event: YamlEvent, *, broken: bool = False) -> Path | None:  # noqa: ANN401 - YAML
        """Put a value where it belongs; return its path, or None where it is thrown away."""
        if not self._stack:
            self.document.data = value
            path: Path | None = ()
        else:
            frame = self._stack[-1]
            path = None
            if isinstance(frame.container, list):
                path = None if frame.path is None else (*frame.path, len(frame.container))
                frame.container.append(value)
            else:
                if isinstance(frame.key, str):
                    path = None if frame.path is None else (*frame.path, frame.key)
                    frame.container[frame.key] = value
                frame.key = _NO_KEY
        if path is not None:
            self.document.values[path] = event.start_mark
            if broken:
                self.document.broken.add(path)
        return path


def _mark(event: YamlEvent) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
