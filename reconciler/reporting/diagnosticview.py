"""Diagnostics as people read them: what, where, what to do."""

from collections.abc import Iterable

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.reporting.layout import Page, say
from reconciler.reporting.words import count

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}


def render_diagnostics(diagnostics: Iterable[Diagnostic], *, color: bool = False, width: int = 100) -> str:
    """Write all diagnostics, errors first and each kind by place, and count them; empty where there are none."""
    page = Page(color=color, width=width)
    write_diagnostics(page, diagnostics)
    return page.render()


def write_diagnostics(page: Page, diagnostics: Iterable[Diagnostic]) -> None:
    """Write the same on a page that holds other things, too."""
    found = sorted(diagnostics, key=lambda item: item.order)
    if not found:
        return
    for severity in Severity:
        for item in found:
            if item.severity is severity:
                _show(page, item)
    page.blank()
    counts = {severity: sum(item.severity is severity for item in found) for severity in Severity}
    page.add([say(", ".join(count(number, severity.value) for severity, number in counts.items() if number), "bold")])


def message_of(item: Diagnostic) -> str:
    """Return the message with the campaign it concerns in front of it, unless it begins with that already."""
    if item.campaign is None or item.message.startswith((f"{item.campaign}:", f"{item.campaign} ")):
        return item.message
    return f"{item.campaign}: {item.message}"


def _show(page: Page, item: Diagnostic) -> None:
    page.add([say(f"{item.severity.value}: ", _STYLES[item.severity]), say(message_of(item), "bold")], hanging=2)
    if item.place:
        page.add([say(item.place, "cyan")], indent=2)
    if item.hint:
        page.prose(f"hint: {item.hint}", 2)
