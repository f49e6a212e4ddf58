from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from reconciler.commands.common import Output, say
from reconciler.commands.exits import OK
from reconciler.diagnostics import ReconcilerError, error
from reconciler.wiring import Place


def _duration(ctx: click.Context, parameter: click.Parameter, value: str | None) -> timedelta | None:
    from reconciler.sandbox.clock import duration

    try:
        return None if value is None else duration(value)
    except ValueError as problem:
        raise click.BadParameter(f"{problem}.", ctx, parameter) from None


def _server(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    from reconciler.sandbox.options import server_of

    try:
        if value is not None:
            server_of(value)
    except ValueError:
        raise click.BadParameter("write it like localhost:1025.", ctx, parameter) from None
    return value


_specs = click.option(
    "--specs", type=click.Path(path_type=Path, file_okay=False), default=Path("specs"), show_default=True,
    help="Folder of the files; its sandbox is beside it.",
)  # fmt: skip
_database = click.option(
    "--database", type=click.Path(path_type=Path, dir_okay=False),
    help="SQLite file with its data; by default that of --sandbox, .reconciler/sandbox/sandbox.sqlite3 beside specs.",
)  # fmt: skip
_smtp = click.option(
    "--smtp", metavar="HOST:PORT", callback=_server, help="SMTP server that gets what it sends as real emails."
)


@click.group("sandbox", invoke_without_command=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8025, show_default=True, help="0: any that is free.")
@_specs
@_database
@click.option(
    "--shape",
    type=click.Choice(["guide", "quickstart", "reference", "concepts"]),
    default="guide",
    show_default=True,
    help="Answer as this page of the documentation has it.",
)
@click.option("--documented-only", is_flag=True, help="Without the calls that no page documents.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Requests a second before it answers 429.")
@_smtp
@click.pass_context
def command(
    ctx: click.Context,
    port: int,
    specs: Path,
    database: Path | None,
    shape: str,
    *,
    documented_only: bool,
    rate: float | None,
    smtp: str | None,
) -> int:
    """Serve the emulator of Leadterra on this machine, until Ctrl-C. No email leaves it without --smtp."""
    if ctx.invoked_subcommand is not None:
        return OK
    from reconciler.sandbox.options import UNDOCUMENTED, SandboxOptions
    from reconciler.wiring import sandbox_app

    options = SandboxOptions(
        shape=shape,  # type: ignore[arg-type]  # the choices are the shapes
        undocumented_calls=frozenset() if documented_only else UNDOCUMENTED,
        rate_per_second=rate,
        sending="live",
        smtp=smtp,
    )
    app = sandbox_app(_file(specs, database), options)
    # Not earlier: where the extra is missing, sandbox_app says so.
    from reconciler.sandbox.server import run

    def announce(url: str) -> None:
        say(f"The sandbox serves {url} until Ctrl-C. To use it from another terminal:")
        say(f"  export LEADTERRA_BASE_URL={url} LEADTERRA_API_KEY={options.key}")
        if smtp is not None:
            say(f"What it sends goes to the SMTP server {smtp}.")

    try:
        run(app, "127.0.0.1", port, announce)
    except OSError as problem:
        words = f"the port {port} cannot be used: {problem.strerror or problem}"
        raise ReconcilerError(
            error("sandbox-port", words, hint="choose another with --port, or 0 for any")
        ) from problem
    return OK


@command.command("clock")
@click.argument("forward", required=False, metavar="[+3d]", callback=_duration)
@_specs
@_database
@_smtp
@click.pass_context
def clock(ctx: click.Context, forward: timedelta | None, specs: Path, database: Path | None, smtp: str | None) -> int:
    """Show the time of the sandbox, or move it on and send what falls due: +3d, +2h, +30m, +45s, sums like +1d12h."""
    from reconciler.sandbox.options import SandboxOptions
    from reconciler.wiring import open_sandbox

    # What stands before the word `clock` holds as well.
    before: dict[str, Any] = {} if ctx.parent is None else ctx.parent.params
    if ctx.get_parameter_source("specs") is ParameterSource.DEFAULT:
        specs = before.get("specs", specs)
    database, smtp = database or before.get("database"), smtp or before.get("smtp")
    sandbox = open_sandbox(_file(specs, database), SandboxOptions(smtp=smtp))
    if forward is None:
        Output.result(f"It is now {_words(sandbox.now())}.")
        return OK
    count = sandbox.sent_count()
    now = sandbox.advance(forward)
    sent = sandbox.sent_count() - count
    messages = "1 message was" if sent == 1 else f"{sent:,} messages were"
    Output.result(f"It is now {_words(now)}; {messages} sent.")
    left = sandbox.waiting_mail() if smtp else 0
    if left:
        say(f"{left:,} emails are not with {smtp} yet; what hands over next tries again.")
    return OK


def _file(specs: Path, database: Path | None) -> Path:
    return database or Place(specs, None, sandbox=True).sandbox_database


def _words(moment: datetime) -> str:
    return f"{moment:%a} {moment.day} {moment:%b %H:%M} UTC"
