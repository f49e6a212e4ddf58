"""What `plan` and `apply` share where a pull request is their reader."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from reconciler.commands.common import Output
from reconciler.diagnostics import ReconcilerError
from reconciler.reporting.budget import COMMENT, LINK, SMALLEST, Fit

if TYPE_CHECKING:
    from reconciler.session import Session

_F = TypeVar("_F", bound=Callable[..., Any])


def _link(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not LINK.fullmatch(value):
        raise click.BadParameter("it is no http(s) address of at most 500 plain characters", ctx, parameter)
    return value


def fit_options(command: _F) -> _F:
    """Add `--max-bytes` and `--link`, for Markdown; the command gets a `Fit`."""

    @click.option(
        "--max-bytes",
        type=click.IntRange(min=SMALLEST),
        default=COMMENT.max_bytes,
        show_default=True,
        metavar="N",
        help="With --format markdown: write at most so many bytes; what matters least is left out first.",
    )
    @click.option(
        "--link", callback=_link, metavar="URL", help="With --format markdown: where to see what had to be left out."
    )
    @functools.wraps(command)
    def wrapped(*arguments: Any, max_bytes: int, link: str | None, **options: Any) -> Any:  # noqa: ANN401 - click's
        return command(*arguments, fit=Fit(max_bytes, link), **options)

    return wrapped  # type: ignore[return-value]  # click's decorators keep the signature of the command


@contextmanager
def problems_shown(output: Output, what: Literal["plan", "apply"], session: "Session", fit: Fit) -> Iterator[None]:
    """Write what ends a command on stdout, too, where its form is for a pull request; then it goes on as ever."""
    try:
        yield
    except ReconcilerError as problem:
        if output.form == "github":
            from reconciler.reporting.annotations import of_diagnostics, render_annotations

            output.result(render_annotations(of_diagnostics(problem.diagnostics)))
        elif output.form == "markdown":
            from reconciler.reporting.reportmd import render_problems_markdown

            text = render_problems_markdown(
                problem.diagnostics,
                what,
                workspace=session.loaded.workspace,
                environment=session.place.environment_name,
                fit=fit,
            )
            output.result(text)
        raise
