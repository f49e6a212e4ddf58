"""Plain tables of a few columns, as wide as they need to be, safe whatever is in them."""

from collections.abc import Collection, Iterable, Sequence
from io import StringIO

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.model.state import State
from reconciler.reporting.escape import guard, plain

WIDEST = 160


def render_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, width: int = WIDEST, figures: Collection[str] = ()
) -> str:
    """Draw a table without lines; texts are never read as markup, and never cut.

    `figures` are columns at the right of their room, which stay in one line where others are folded.
    """
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    headers = (
        Column(name, justify="right" if name in figures else "left", no_wrap=name in figures) for name in columns
    )
    table = Table(*headers, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    for row in rows:
        table.add_row(*(Text(plain(cell), overflow="fold") for cell in row))
    drawn = StringIO()
    Console(file=drawn, width=width, color_system=None, highlight=False, markup=False).print(table)
    # A cell that goes on in a further line may begin one with what a pipeline takes for a command.
    return guard("".join(f"{line.rstrip()}\n" for line in drawn.getvalue().splitlines()))


def render_state(state: State) -> str:
    """Show what is managed, what was, what was begun, what is left over and what is stopped."""
    parts = [f"state {state.serial} · lineage {state.lineage} · {state.environment}\n"]
    if state.binding is not None:
        parts.append(f"bound to {plain(state.binding.address)} ({state.binding.key_kind})\n")
    rows = [
        (
            key,
            item.id,
            f"{item.status} (by us)" if item.status == "paused" and item.paused_by_us else item.status,
            f"{item.expected_enrolled:,}",
            f"{item.started_at:%Y-%m-%d}" if item.started_at else "never",
            item.file,
        )
        for key, item in sorted(state.campaigns.items())
    ]
    parts.append("\n" + (render_table(_MANAGED, rows) if rows else "Nothing is managed yet.\n"))
    if state.tombstones:
        buried = [(key, item.campaign.id, f"{item.at:%Y-%m-%d}") for key, item in sorted(state.tombstones.items())]
        parts.append("\nNo longer managed\n" + render_table(("key", "id", "since"), buried))
    if state.operations:
        begun = sorted(state.operations.values(), key=lambda item: (item.at, item.campaign))
        open_ones = [(item.campaign, item.kind, f"{item.at:%Y-%m-%d %H:%M} UTC", item.by) for item in begun]
        parts.append("\nBegun by a run that did not end, or has not ended yet\n" + render_table(_OPEN, open_ones))
    if state.leftovers:
        left = [
            (item.campaign, item.id or "unknown", item.name, f"{item.at:%Y-%m-%d %H:%M} UTC", item.reason)
            for item in state.leftovers
        ]
        parts.append("\nLeft over in Leadterra, without a start\n" + render_table(_LEFT, left))
    if state.stops:
        marks = [(item.scope, item.by, f"{item.at:%Y-%m-%d %H:%M} UTC", item.reason) for item in state.stops]
        parts.append("\nStopped\n" + render_table(("scope", "by", "at", "reason"), marks))
    return "".join(parts)


def render_checkup(rows: Sequence[tuple[str, Diagnostic | str]]) -> str:
    """Show what `doctor` found: a line a check, with what to do; ✗ is an error, ! is less."""
    table = []
    for name, found in rows:
        if isinstance(found, str):
            table.append(("✓", name, found))
        else:
            table.append(("✗" if found.severity is Severity.ERROR else "!", name, _with_hint(found)))
    return render_table(("", "check", "found"), table)


def _with_hint(found: Diagnostic) -> str:
    if not found.hint:
        return found.message
    if found.message.endswith((".", "?", "!")):
        return f"{found.message} {found.hint[:1].upper()}{found.hint[1:]}"
    return f"{found.message}; {found.hint}"


_MANAGED = ("key", "id", "status", "enrolled", "started", "file")
_OPEN = ("campaign", "what", "since", "by")
_LEFT = ("campaign", "id", "name", "since", "why")
