"""The template worker: a process of its own that turns strangers' templates into text and can be killed at any time.

It is started as `python -I -m reconciler.loading.renderer ROOT SHARED` with an empty environment, and writes an empty
line when it is ready. Each line on stdin is a JSON list of jobs: `{template | text + folder, html, variables}`. Each
job is answered by one JSON line: `{text, sources}` or `{problems: [{code, message, file, line, name}]}`, where `file`
null means the job's own text. It only reads templates inside ROOT, and stops itself at limits of memory and processor
time, should nobody be left to kill it.
"""

import hashlib
import json
import os
import posixpath
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from types import TracebackType
from typing import Any, BinaryIO

from jinja2 import (
    BaseLoader,
    StrictUndefined,
    Template,
    TemplateNotFound,
    TemplateSyntaxError,
    Undefined,
    pass_eval_context,
)
from jinja2.exceptions import SecurityError, TemplateError, TemplatesNotFound, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.utils import Cycler, Joiner, Namespace

from reconciler.loading.confine import RefusedPathError, resolve

MAX_OUTPUT_BYTES = 1_000_000
MAX_TEMPLATE_BYTES = 1_000_000
MAX_MEMORY_BYTES = 256 * 1024 * 1024
MAX_PROCESSOR_SECONDS = 60
MAX_UNDEFINED = 20
_CACHED = 2000
_OWN_TEXT = "\0"
"""File name of a job's own text: no file can be called so."""

_ADDRESS = re.compile(r"\bat 0x[0-9a-f]+(?:>|&(?:amp;)*(?:gt|#62|#x3e);)", re.IGNORECASE)
"""How Python ends the inside view of an object: with its address in memory, which is another one each time."""

_TEXT_FILTERS = (
    *("capitalize", "center", "e", "escape", "forceescape", "format", "indent", "lower", "pprint", "replace", "safe"),
    *("string", "striptags", "title", "trim", "truncate", "upper", "urlencode", "urlize", "wordcount", "wordwrap"),
)
"""Filters that make a text of whatever they are given."""

_UNDEFINED = re.compile(r"'(.+)' is undefined\Z")
Problem = dict[str, Any]


class TooLargeError(Exception):
    """A template or its output is larger than accepted."""


class UnprintableError(Exception):
    """Something is printed that is neither text nor number."""


class _Inside:
    """Mixin for what templates use but never print: printed, or made part of a text, it is an error."""

    def __repr__(self) -> str:
        raise _unprintable(self)


class _Joiner(_Inside, Joiner):
    pass


class _Cycler(_Inside, Cycler):
    pass


class _Namespace(_Inside, Namespace):
    pass


class _Range(_Inside):
    def __call__(self, *bounds: int) -> range:
        return safe_range(*bounds)


class Templates(BaseLoader):
    """Reads templates by name (relative to the root), and remembers a digest of each."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.digests: dict[str, str] = {}

    def get_source(self, _environment: object, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Return the text of a template; jinja2's own contract."""
        resolve(self.root, "", template)
        path = os.path.join(self.root, template)  # noqa: PTH118 - no pathlib: the worker starts faster
        if not os.path.isfile(path):  # noqa: PTH113
            raise TemplateNotFound(template)
        with open(path, "rb") as stream:  # noqa: PTH123
            content = stream.read(MAX_TEMPLATE_BYTES + 1)
        if len(content) > MAX_TEMPLATE_BYTES:
            raise TooLargeError(f"`{template}` is larger than 1 MB")
        try:
            text = content.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            raise TemplateSyntaxError("the file is not UTF-8 text", 1, template, template) from None
        self.digests[template] = hashlib.sha256(text.encode()).hexdigest()
        return text, template, lambda: True


class Sandbox(ImmutableSandboxedEnvironment):
    """jinja2's sandbox with this product's delimiters, path rules and nothing that differs from run to run."""

    def __init__(self, loader: Templates, shared: str, *, html: bool) -> None:
        super().__init__(
            variable_start_string="[[",
            variable_end_string="]]",
            block_start_string="[[%",
            block_end_string="%]]",
            comment_start_string="[[#",
            comment_end_string="#]]",
            undefined=StrictUndefined,
            autoescape=html,
            loader=loader,
            finalize=_printable,
            cache_size=_CACHED,
            auto_reload=False,
        )
        self.globals.pop("lipsum")
        self.filters.pop("random")
        self.globals.update(joiner=_Joiner, cycler=_Cycler, namespace=_Namespace, range=_Range())
        self.filters.update({name: _of_texts(self.filters[name]) for name in _TEXT_FILTERS})
        self.used: set[str] = set()
        self._templates = loader
        self._shared = shared
        self._joined: dict[tuple[str, str], str] = {}

    def join_path(self, template: str, parent: str) -> str:
        """Resolve an include: from the template's own folder, then from the shared one."""
        wanted = posixpath.dirname(parent), template
        name = self._joined.get(wanted)
        if name is None:
            name = resolve(self._templates.root, *wanted)
            if not self._exists(name):
                shared = resolve(self._templates.root, self._shared, template)
                name = shared if self._exists(shared) else name
            self._joined[wanted] = name
        self.used.add(name)
        return name

    def _exists(self, name: str) -> bool:
        return name in self._templates.digests or os.path.isfile(os.path.join(self._templates.root, name))  # noqa: PTH113, PTH118


class Renderer:
    """Carries out one job after the other. `shared` is the folder of shared templates, relative to `root`."""

    def __init__(self, root: str, shared: str) -> None:
        self._loader = Templates(root)
        self._sandboxes = {html: Sandbox(self._loader, shared, html=html) for html in (False, True)}
        self._texts: dict[tuple[bool, str, str], Template] = {}

    def answer(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Render one job; whatever goes wrong is part of the answer."""
        try:
            return self._render(job, job["variables"])
        except MemoryError:
            # What earlier jobs left behind is not this one's fault.
            self._forget()
        try:
            return self._render(job, job["variables"])
        except MemoryError:
            self._forget()
            return {"problems": [_problem("template-too-large", "the template needs too much memory", (None, None))]}

    def _forget(self) -> None:
        self._texts.clear()
        for sandbox in self._sandboxes.values():
            if sandbox.cache is not None:
                sandbox.cache.clear()

    def _render(self, job: Mapping[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        sandbox = self._sandboxes[job["html"]]
        problems: list[Problem] = []
        while True:
            sandbox.used.clear()
            try:
                text = self._output(self._template(sandbox, job), variables)
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - strangers' code: anything may happen, and all of it is told
                problem = _explain(error)
            else:
                if problems:
                    return {"problems": problems}
                digests = self._loader.digests
                return {"text": text, "sources": {name: digests[name] for name in sandbox.used if name in digests}}
            if problems and problem["code"] != "template-undefined":
                return {"problems": problems}  # it may be a consequence of the stand-in below
            problems.append(problem)
            if problem["name"] is None or problem["name"] in variables or len(problems) >= MAX_UNDEFINED:
                return {"problems": problems}
            # With a stand-in for the missing variable the next one is found in the same run.
            variables = {**variables, problem["name"]: ""}

    def _template(self, sandbox: Sandbox, job: Mapping[str, Any]) -> Template:
        if "template" in job:
            sandbox.used.add(job["template"])
            return sandbox.get_template(job["template"])
        key = (sandbox.autoescape is True, job["folder"], job["text"])
        template = self._texts.get(key)
        if template is None:
            if len(self._texts) >= _CACHED:
                self._texts.clear()
            name = f"{job['folder']}/{_OWN_TEXT}"
            code = sandbox.compile(job["text"], name, "<text>")
            template = self._texts[key] = Template.from_code(sandbox, code, sandbox.make_globals(None))
        return template

    @staticmethod
    def _output(template: Template, variables: dict[str, Any]) -> str:
        parts = []
        size = 0
        for part in template.root_render_func(template.new_context(variables)):
            size += len(part.encode())
            if size > MAX_OUTPUT_BYTES:
                raise TooLargeError("the text is larger than 1 MB")
            parts.append(part)
        text = "".join(parts)
        if _ADDRESS.search(text):
            raise UnprintableError("it prints the inside view of an object, with an address that differs each time")
        return text


@pass_eval_context  # so that constants are looked at, too, and not folded into text before
def _printable(_context: object, value: object) -> object:
    """Refuse to print what would look like a program's inside in an email: None, lists, functions."""
    if isinstance(value, Undefined):
        return str(value)  # raises, naming it
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return value
    raise _unprintable(value)


def _unprintable(value: object) -> UnprintableError:
    name = type(value).__name__
    shown = name.removeprefix("_").lower() if isinstance(value, _Inside) else name
    return UnprintableError(f"only texts and numbers can be printed, not {shown}")


def _of_texts(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that refuses functions and generators: as a text, each holds its address in memory."""

    @wraps(function)  # with the marks that jinja2 leaves on filters
    def checked(*given: object, **named: object) -> object:
        for value in (*given, *named.values()):
            if isinstance(value, Iterator) or (callable(value) and not isinstance(value, Undefined)):
                raise _unprintable(value)
        return function(*given, **named)

    return checked


_CODES: tuple[tuple[type[Exception], str], ...] = (
    (SecurityError, "template-refused"),
    (UndefinedError, "template-undefined"),
    (TemplateNotFound, "template-missing"),
    (RefusedPathError, "template-outside"),
    (RecursionError, "template-depth"),
    (TooLargeError, "template-too-large"),
    (Exception, "template-error"),
)


def _explain(error: Exception) -> Problem:
    if isinstance(error, TemplateSyntaxError):
        return _problem("template-syntax", error.message or "it is not valid", (error.name, error.lineno))
    code = next(code for kind, code in _CODES if isinstance(error, kind))
    message = str(error)
    name = None
    if isinstance(error, UndefinedError):
        found = _UNDEFINED.match(message)
        name = found[1] if found else None
    elif isinstance(error, TemplateNotFound):
        names = error.templates if isinstance(error, TemplatesNotFound) else [error.name]
        message = f"there is no template {', '.join(f'`{item}`' for item in names)}"
    elif isinstance(error, RecursionError):
        message = "templates include each other without end, or nest too deep"
    elif code == "template-error" and not isinstance(error, (TemplateError, UnprintableError)):
        message = f"{type(error).__name__}: {message}"
    return _problem(code, message, _place(error.__traceback__), name=name)


def _place(trace: TracebackType | None) -> tuple[str | None, int | None]:
    """Return the innermost place inside a template."""
    place: tuple[str | None, int | None] = (None, None)
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            place = (template.name, template.get_corresponding_lineno(trace.tb_lineno))
        trace = trace.tb_next
    return place


def _problem(code: str, message: str, place: tuple[str | None, int | None], *, name: str | None = None) -> Problem:
    file, line = place
    if file is not None and file.endswith(_OWN_TEXT):
        file = None
    clean = message.replace(_OWN_TEXT, "")[:300]
    return {"code": code, "message": clean, "file": file, "line": line, "name": name}


def _limit() -> None:
    """Bound what this process may use, where the platform can."""
    try:
        import resource
    except ImportError:
        return
    limits: Sequence[tuple[int, int]] = (
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
        (resource.RLIMIT_CPU, MAX_PROCESSOR_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, amount in limits:
        try:
            _, hard = resource.getrlimit(kind)
            wanted = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
            resource.setrlimit(kind, (wanted, wanted))
        except (OSError, ValueError):
            continue


def serve(arguments: Sequence[str], source: BinaryIO, target: BinaryIO) -> None:
    """Answer jobs until stdin ends."""
    root, shared = arguments
    renderer = Renderer(root, shared)
    target.write(b"\n")
    target.flush()
    for line in source:
        for job in json.loads(line):
            target.write(json.dumps(renderer.answer(job)).encode() + b"\n")
            target.flush()


if __name__ == "__main__":
    _limit()
    serve(sys.argv[1:], sys.stdin.buffer, sys.stdout.buffer)
