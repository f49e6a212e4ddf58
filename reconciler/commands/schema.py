from pathlib import Path

import click

from reconciler.commands.common import Output, say
from reconciler.commands.exits import FAILED, OK


@click.command("schema")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("schemas"),
    show_default=True,
    help="Folder.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 where a file is not as it should be.")
def command(out: Path, *, check: bool) -> int:
    """Write the JSON Schemas of campaign and workspace files, of plan, receipt and state, for editors and tools."""
    from reconciler.loading.schemas import schema_texts, write_schemas

    if not check:
        for path in write_schemas(out):
            Output.result(str(path))
        return OK
    stale = [name for name, text in schema_texts().items() if not _is(out / name, text)]
    for name in stale:
        say(f"{out / name} is not what the models say; run `reconciler schema`")
    return FAILED if stale else OK


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
