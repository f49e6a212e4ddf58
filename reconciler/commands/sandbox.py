from pathlib import Path

import click

from reconciler.commands.common import say
from reconciler.commands.exits import OK
from reconciler.diagnostics import ReconcilerError, error


@click.command("sandbox")
@click.option("--port", type=click.IntRange(0, 65535), default=8025, show_default=True, help="0: any that is free.")
@click.option(
    "--database",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path(".reconciler/sandbox/server.sqlite3"),
    show_default=True,
    help="SQLite file with its data.",
)
@click.option(
    "--shape",
    type=click.Choice(["guide", "quickstart", "reference", "concepts"]),
    default="guide",
    show_default=True,
    help="Answer as this page of the documentation has it.",
)
@click.option("--documented-only", is_flag=True, help="Without the calls that no page documents.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Requests a second before it answers 429.")
def command(port: int, database: Path, shape: str, *, documented_only: bool, rate: float | None) -> int:
    """Serve the emulator of Leadterra on this machine, until Ctrl-C. No email leaves it."""
    from reconciler.sandbox.options import UNDOCUMENTED, SandboxOptions
    from reconciler.wiring import sandbox_app

    options = SandboxOptions(
        shape=shape,  # type: ignore[arg-type]  # the choices are the shapes
        undocumented_calls=frozenset() if documented_only else UNDOCUMENTED,
        rate_per_second=rate,
    )
    app = sandbox_app(database, options)
    # Not earlier: where the extra is missing, sandbox_app says so.
    from reconciler.sandbox.server import run

    def announce(url: str) -> None:
        say(f"The sandbox serves {url} until Ctrl-C. To use it from another terminal:")
        say(f"  export LEADTERRA_BASE_URL={url} LEADTERRA_API_KEY={options.key}")

    try:
        run(app, "127.0.0.1", port, announce)
    except OSError as problem:
        words = f"the port {port} cannot be used: {problem.strerror or problem}"
        raise ReconcilerError(
            error("sandbox-port", words, hint="choose another with --port, or 0 for any")
        ) from problem
    return OK
