"""The command line: subcommands imported when they are called, one error boundary, the exit codes of design §4."""

import importlib
import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from reconciler.commands.exits import BUG, FAILED, INTERRUPTED, OK

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = {
    "init": "Make a working specs/ and its state.",
    "new": "Write the first draft of a campaign file.",
    "validate": "Check files, templates and lists, offline and without a key.",
    "plan": "Show what apply would do: who gets email, and when.",
    "apply": "Plan, ask, and do it.",
    "preview": "Write one HTML page: every email as its readers get it.",
    "forecast": "Show how many emails leave on which day, and where room is short.",
    "status": "Show how the campaigns are doing: sent, replied, what comes next.",
    "drift": "Tell what differs from the files although nobody is changing them.",
    "stop": "Pause now, and keep anything from starting.",
    "suppress": "Keep people from ever getting email again.",
    "import": "Start managing a campaign that exists in Leadterra.",
    "state": "Look after the state.",
    "history": "Tell who did what when.",
    "sandbox": "Serve the emulator of Leadterra on a port.",
    "doctor": "Check key, server, state and lists, in one table.",
    "schema": "Write the JSON Schemas of files, plan, receipt and state.",
}


class LazyGroup(click.Group):
    """Imports a subcommand when it is called: `--version` and `--help` need none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import the module of a command; unknown names are left to click."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"reconciler.commands.{cmd_name.replace('import', 'importing')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the command that was probably meant."""
        import difflib

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise click.UsageError(f"No such command: {args[0]}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    click.echo(f"reconciler {version('campaign-reconciler')}")
    ctx.exit()


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version.")
def reconciler() -> None:
    """Outbound email campaigns as code: plan and apply Leadterra campaigns from YAML in git."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code. Nothing leaves it but what a person can read."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its number instead of a failed run.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(arguments)
    except BrokenPipeError:
        _silence()
        return FAILED


def _run(arguments: Sequence[str]) -> int:
    try:
        code = reconciler.main(list(arguments), prog_name="reconciler", standalone_mode=False)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as misuse:
        _correct(misuse)
        return FAILED
    except (KeyboardInterrupt, click.Abort):
        _say("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as problem:  # noqa: BLE001 - the one error boundary
        return _told(problem)
    return code if isinstance(code, int) else OK


def _told(problem: Exception) -> int:
    from reconciler.commands.common import show_diagnostics, verdict, write_crash_log

    code, found = verdict(problem)
    if code == FAILED:
        show_diagnostics(found)
        return FAILED
    if code == INTERRUPTED:
        _say("Interrupted.")
        return INTERRUPTED
    path: Path = write_crash_log(problem)
    _say(
        f"This is an error of reconciler itself ({type(problem).__name__}). What happened is in {path}; "
        "it holds no address and no key. Please report it. `reconciler plan` shows where things stand."
    )
    return BUG


def _correct(misuse: click.ClickException) -> None:
    from reconciler.reporting.escape import plain

    if isinstance(misuse, click.exceptions.NoArgsIsHelpError):
        misuse.show()
        return
    if isinstance(misuse, click.UsageError) and misuse.ctx is not None:
        _say(f"{misuse.ctx.get_usage()}\nTry '{misuse.ctx.command_path} --help' for help.\n")
    _say(f"Error: {plain(misuse.format_message())}")


def _say(words: str) -> None:
    click.echo(words, err=True)


def _silence() -> None:
    """Keep Python from complaining at its end about a reader that went away."""
    import os

    for stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
