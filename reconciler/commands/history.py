import re
from collections.abc import Iterable, Iterator
from datetime import UTC
from itertools import islice

import click

from reconciler.commands.common import Output, output_options, place_options, settings
from reconciler.commands.exits import OK
from reconciler.model.journal import Happening
from reconciler.wiring import Place

_EVERYTHING = re.compile(r"(stopped|lifted the stop of) everything\b")


@click.command("history")
@click.argument("key", required=False)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many entries.")
@place_options
@output_options
def command(place: Place, output: Output, key: str | None, limit: int) -> int:
    """Tell who did what when, newest first; with KEY only what concerns it."""
    from reconciler.session import Session

    found = list(islice(_concerning(key, Session(place, settings()).store.history()), limit))
    output.result(_json(found) if output.json else _table(found))
    return OK


def _concerning(key: str | None, entries: Iterable[Happening]) -> Iterator[Happening]:
    """Keep what has words, and of those what names the key, or everything."""
    named = re.compile(rf"(?<![\w.-]){re.escape(key)}(?![\w-]|\.\w)") if key is not None else None
    for entry in entries:
        what = tuple(words for words in entry.what if named is None or named.search(words) or _EVERYTHING.match(words))
        if what:
            yield entry.model_copy(update={"what": what})


def _table(entries: list[Happening]) -> str:
    from reconciler.reporting.tables import render_table

    if not entries:
        return "Nothing has happened yet.\n"
    rows = []
    for entry in entries:
        first, *rest = entry.what
        rows.append((f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}", entry.by, first))
        rows += [("", "", words) for words in rest]
    return render_table(("when (UTC)", "who", "what"), rows)


def _json(entries: list[Happening]) -> str:
    import json

    from reconciler.reporting.escape import json_escapes

    told = [entry.model_dump(mode="json") for entry in entries]
    return json_escapes(json.dumps({"history": told}, indent=2, ensure_ascii=False)) + "\n"
