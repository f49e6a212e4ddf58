"""What the commands share: options, streams, asking, ending early."""

import functools
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.commands.exits import BUG, FAILED, INTERRUPTED
from reconciler.diagnostics import Diagnostic, Interrupted, ReconcilerError, error
from reconciler.model.workspace import DEFAULT_ENVIRONMENT, Budget
from reconciler.reporting.escape import plain
from reconciler.reporting.text import render_diagnostics
from reconciler.settings import Settings, from_environment
from reconciler.wiring import Place

if TYPE_CHECKING:
    from reconciler.reporting.bars import Bars

_F = TypeVar("_F", bound=Callable[..., Any])
MIN_WIDTH, MAX_WIDTH = 60, 110
_STDERR = 2
_ENDING = "Ending: what is under way is finished first."


def place_options(command: _F) -> _F:
    """Add `--specs`, `--env` and `--sandbox`; the command gets a `Place`."""

    @click.option(
        "--specs",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("specs"),
        show_default=True,
        help="Folder of the files.",
    )
    @click.option("--env", "environment", metavar="NAME", help="Environment of workspace.yaml.")
    @click.option("--sandbox", is_flag=True, help="Use the embedded emulator instead of the network.")
    @functools.wraps(command)
    def wrapped(*arguments: Any, specs: Path, environment: str | None, sandbox: bool, **options: Any) -> Any:  # noqa: ANN401 - click's
        chosen = None if environment == DEFAULT_ENVIRONMENT else environment
        return command(*arguments, place=Place(specs, chosen, sandbox), **options)

    return wrapped  # type: ignore[return-value]  # click's decorators keep the signature of the command


def output_formats(*forms: str) -> Callable[[_F], _F]:
    """Add `--format`, of which the first is the default, and `--no-color`; the command gets an `Output`."""

    def decorate(command: _F) -> _F:
        @click.option("--format", "form", type=click.Choice(forms), default=forms[0], show_default=True)
        @click.option("--no-color", is_flag=True, help="No colour; NO_COLOR does the same.")
        @functools.wraps(command)
        def wrapped(*arguments: Any, form: str, no_color: bool, **options: Any) -> Any:  # noqa: ANN401 - click's
            return command(*arguments, output=Output(form=form, no_color=no_color), **options)

        return wrapped  # type: ignore[return-value]  # click's decorators keep the signature of the command

    return decorate


output_options = output_formats("text", "json")

target_option = click.option(
    "--target", "targets", multiple=True, metavar="KEY", help="Only this campaign, or label:team=emea. Repeatable."
)


def _amounts(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[Budget, int]:
    """Read `NAME=N`; of amounts for one name the largest holds."""
    amounts: dict[Budget, int] = {}
    known = " and ".join(f"{budget.value}=N" for budget in Budget)
    for value in values:
        name, _, number = value.partition("=")
        if name not in set(Budget):
            raise click.BadParameter(f"there is no budget {name!r}; there are {known}.", ctx, parameter)
        if not re.fullmatch(r"[0-9]{1,12}", number):
            words = f"{value!r} has no whole number; write it like {name}=10."
            raise click.BadParameter(words, ctx, parameter)
        amounts[Budget(name)] = max(int(number), amounts.get(Budget(name), 0))
    return amounts


allow_option = click.option(
    "--allow",
    multiple=True,
    metavar="NAME=N",
    callback=_amounts,
    help="Let this run do more than the policy: new-recipients=6000, forgets=10. Repeatable.",
)
backend_option = click.option(
    "--backend",
    type=click.Choice(["git", "local"]),
    help="Where a new state is kept; by default in git where the clone has a remote.",
)
approve_option = click.option("--auto-approve", is_flag=True, help="Do not ask; for pipelines.")


class Output:
    """How results are written: in which form, with or without colour, as wide as the terminal.

    `document`: stdout holds one document, and nothing else may be written there.
    """

    def __init__(self, *, form: str, no_color: bool) -> None:
        self.form = form
        self.json = form == "json"
        self.document = form in {"json", "markdown"}
        self.no_color = no_color or settings().no_color
        self.color = sys.stdout.isatty() and not self.no_color
        self.width = max(MIN_WIDTH, min(MAX_WIDTH, shutil.get_terminal_size((100, 24)).columns))

    @staticmethod
    def result(text: str) -> None:
        """Write a result to stdout; nothing where there is none."""
        if text:
            click.echo(text, nl=not text.endswith("\n"), color=True)


def settings() -> Settings:
    """Read the environment."""
    return from_environment(os.environ)


def short_path(path: Path) -> Path:
    """Return a path as people write it: relative to the working folder where it is below that."""
    whole, here = path.resolve(), Path.cwd()
    return whole.relative_to(here) if whole.is_relative_to(here) else path


def command_line(place: Place, name: str, *words: str) -> str:
    """Write a command for this place, as it would be typed."""
    flags = [] if place.specs == Path("specs") else ["--specs", str(place.specs)]
    flags += ["--env", place.environment] if place.environment else []
    flags += ["--sandbox"] if place.sandbox else []
    return shlex.join(["reconciler", *name.split(), *flags, *words])


def target_words(targets: Iterable[str]) -> list[str]:
    """Write `--target` flags."""
    return [word for target in targets for word in ("--target", target)]


def allow_words(allow: Mapping[Budget, int]) -> list[str]:
    """Write `--allow` flags."""
    return [word for budget, amount in allow.items() for word in ("--allow", f"{budget.value}={amount}")]


def file_word(path: Path) -> str:
    """Write a file as an argument that is not taken for a flag."""
    return f"./{path}" if str(path).startswith("-") else str(path)


def verdict(problem: BaseException) -> tuple[int, tuple[Diagnostic, ...]]:
    """Turn what ended a command into its exit code and what there is to put right."""
    if isinstance(problem, BrokenPipeError):
        return FAILED, ()
    if isinstance(problem, OSError):
        where = f"{problem.filename}: " if isinstance(problem.filename, str) else ""
        words = f"{where}{(problem.strerror or type(problem).__name__).lower()}"
        return FAILED, (error("system", words, hint="the system refused this; put it right, then run again"),)
    if isinstance(problem, ReconcilerError):
        return FAILED, tuple(problem.diagnostics)
    if isinstance(problem, click.ClickException):
        return FAILED, (error("usage", problem.format_message()),)
    if isinstance(problem, Interrupted | KeyboardInterrupt | click.Abort):
        return INTERRUPTED, ()
    return BUG, (error("bug", f"an error of reconciler itself ({type(problem).__name__})"),)


def say(words: str) -> None:
    """Write one line to stderr, safe whatever is in it."""
    click.echo(plain(words), err=True)


def say_at_times(words_every: float = 2.0) -> Callable[[str], None]:
    """Return a `say` for what may come in crowds: one line in so many seconds, whichever thread it comes from."""
    lock, silent_until = threading.Lock(), 0.0

    def tell(words: str) -> None:
        nonlocal silent_until
        with lock:
            if time.monotonic() < silent_until:
                return
            silent_until = time.monotonic() + words_every
        say(words)

    return tell


def show_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Write diagnostics to stderr."""
    found = tuple(diagnostics)
    if found:
        color = sys.stderr.isatty() and not settings().no_color
        width = max(MIN_WIDTH, min(MAX_WIDTH, shutil.get_terminal_size((100, 24)).columns))
        click.echo(render_diagnostics(found, color=color, width=width), err=True, nl=False, color=True)


def owner() -> str:
    """Say who holds a lock: user, host, process, and the pipeline's address where there is one."""
    from reconciler.execution.stopping import whoami

    server, repository, run = (
        os.environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    )
    pipeline = f", {server}/{repository}/actions/runs/{run}" if run else ""
    return f"{whoami()}, process {os.getpid()}{pipeline}"


def commit_of(folder: Path) -> str | None:
    """Return `branch@commit` of the repository around a folder, for the plan's first line; None outside one.

    In the pipeline of a pull request it is the commit that was pushed, not the merge of it that is checked out.
    """
    if pushed := _pushed():
        return pushed
    try:
        answer = subprocess.run(  # noqa: S603 - no word of it comes from outside
            ["git", "-C", str(folder), "log", "-1", "--format=%h %D"],  # noqa: S607 - git is where the user has it
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    commit, _, refs = answer.partition(" ")
    branch = refs.removeprefix("HEAD -> ").partition(",")[0] if refs.startswith("HEAD -> ") else "HEAD"
    return f"{branch}@{commit}" if commit else None


def _pushed() -> str | None:
    """Return branch and commit of the pull request that a pipeline of GitHub is about; None elsewhere."""
    branch, event = os.environ.get("GITHUB_HEAD_REF"), os.environ.get("GITHUB_EVENT_PATH")
    if not branch or not event:
        return None
    try:
        commit = str(json.loads(Path(event).read_text(encoding="utf-8"))["pull_request"]["head"]["sha"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return f"{branch}@{commit[:7]}"


def confirm(question: str, expected: str) -> bool:
    """Ask for a word that nobody types by accident; raises `ReconcilerError` where nobody can be asked."""
    if not sys.stdin.isatty():
        raise ReconcilerError(
            error(
                "nobody-to-ask",
                "this needs an approval, and there is no terminal to ask at; nothing was done",
                hint="in a pipeline, --auto-approve says that the review was the approval",
            )
        )
    # Nothing is under way yet that would have to be finished: Ctrl-C at the prompt means no.
    try:
        with _signals(signal.default_int_handler):
            answer: str = click.prompt(question, default="", show_default=False, err=True, prompt_suffix=" ")
    except click.Abort:
        say("Nothing was done.")
        raise
    return answer.strip().replace(",", "") == expected


@contextmanager
def at_terminal() -> Iterator[None]:
    """Ask at the terminal also where standard input held something else, if there is one."""
    if sys.stdin.isatty():
        yield
        return
    before = sys.stdin
    try:
        terminal = open("/dev/tty", encoding="utf-8")  # noqa: PTH123, SIM115 - closed below
    except OSError:
        yield
        return
    with terminal:
        sys.stdin = terminal
        try:
            yield
        finally:
            sys.stdin = before


@contextmanager
def ending_early(bars: "Bars | None" = None) -> Iterator[threading.Event]:
    """Turn Ctrl-C and SIGTERM into an event: what is under way is finished and told. A second one ends at once.

    What is told meanwhile stands above `bars`.
    """
    cancelled = threading.Event()

    def told(_number: int, _frame: FrameType | None) -> None:
        if cancelled.is_set():
            if bars is not None:
                bars.leave()
            # The state is whole at any moment, and an exception would wait for every thread.
            os._exit(INTERRUPTED)
        cancelled.set()
        # Not through sys.stderr: the interrupted code may be writing to its buffer.
        with suppress(OSError):
            if bars is not None:
                bars.announce(_ENDING)
            else:
                os.write(_STDERR, f"{_ENDING}\n".encode())

    with _signals(told):
        yield cancelled


@contextmanager
def _signals(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def write_crash_log(problem: BaseException) -> Path:
    """Write where the program failed: files, lines and types only, since messages may hold an address or a key."""
    lines: list[str] = []
    link: BaseException | None = problem
    while link is not None:
        lines.append(f"{type(link).__module__}.{type(link).__qualname__}")
        lines += [
            f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(link.__traceback__)
        ]
        link = link.__cause__ or link.__context__
    descriptor, name = tempfile.mkstemp(prefix="reconciler-crash-", suffix=".log")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return Path(name)
