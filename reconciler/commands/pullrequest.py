"""What `validate`, `plan` and `apply` share where a pull request is their reader."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.commands.common import Output
from reconciler.diagnostics import ReconcilerError
from reconciler.reporting.budget import COMMENT, LINK, SMALLEST, Fit

if TYPE_CHECKING:
    from reconciler.reporting.markdown import Document
    from reconciler.session import Session

_F = TypeVar("_F", bound=Callable[..., Any])


def _link(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not LINK.fullmatch(value):
        raise click.BadParameter("it is no http(s) address of at most 500 plain characters", ctx, parameter)
    return value


@dataclass(frozen=True, slots=True)
class Comment:
    """The Markdown of a run: on stdout, where that is its form, and in `file`, whatever its form is."""

    fit: Fit
    file: Path | None

    def write(self, make: Callable[[Fit], str], output: Output) -> None:
        """Write it wherever it is wanted; it is not made where it is not."""
        if self.file is None and output.form != "markdown":
            return
        text = make(self.fit)
        if output.form == "markdown":
            output.result(text)
        if self.file is not None:
            from reconciler.store.output import write_output

            write_output(self.file, text, what="the Markdown")


def comment_options(command: _F) -> _F:
    """Add `--markdown`, `--max-bytes` and `--link`; the command gets a `Comment`."""

    @click.option(
        "--markdown",
        "file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write Markdown to a file, too, whatever --format is.",
    )
    @click.option(
        "--max-bytes",
        type=click.IntRange(min=SMALLEST),
        default=COMMENT.max_bytes,
        show_default=True,
        metavar="N",
        help="Of Markdown, write at most so many bytes; what matters least is left out first.",
    )
    @click.option("--link", callback=_link, metavar="URL", help="In Markdown: where to see what had to be left out.")
    @wraps(command)
    def wrapped(*arguments: Any, file: Path | None, max_bytes: int, link: str | None, **options: Any) -> Any:  # noqa: ANN401 - click's
        return command(*arguments, comment=Comment(Fit(max_bytes, link), file), **options)

    return wrapped  # type: ignore[return-value]  # click's decorators keep the signature of the command


@contextmanager
def problems_shown(output: Output, what: "Document", session: "Session", comment: Comment) -> Iterator[None]:
    """Write what ends a command where a pull request shows it, too; then it goes on as ever."""
    try:
        yield
    except ReconcilerError as problem:
        if output.form == "github":
            from reconciler.reporting.annotations import of_diagnostics, render_annotations

            output.result(render_annotations(of_diagnostics(problem.diagnostics)))
        comment.write(partial(_problems, problem, what, session), output)
        raise


def _problems(problem: ReconcilerError, what: "Document", session: "Session", fit: Fit) -> str:
    from reconciler.reporting.problemsmd import render_problems_markdown

    workspace, environment = session.loaded.workspace, session.place.environment_name
    return render_problems_markdown(problem.diagnostics, what, workspace=workspace, environment=environment, fit=fit)
