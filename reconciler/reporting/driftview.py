"""What a nightly look found, as text."""

from reconciler.model.drift import Drift, Drifted, Finding
from reconciler.reporting.layout import Page, say
from reconciler.reporting.words import moment, zone_of

TITLES = {
    Finding.NEEDS_YOU: "Needs you",
    Finding.CHANGED: "Changed in Leadterra by somebody else",
    Finding.WAITING: "Has waited too long",
    Finding.NOT_APPLIED: "In the files, and not applied",
}
WAYS_OUT = {
    Finding.NEEDS_YOU: "What is told is to be put right; nothing is done with it until then.",
    Finding.CHANGED: "An apply sets back what the files say. To keep the change, write it into the file.",
    Finding.WAITING: "It goes on by itself once what it waits for is there; or change its file.",
    Finding.NOT_APPLIED: "Look at the last apply: it waits for its approval, was refused, or is to be run again.",
}
NOTHING = "Nothing has drifted, and nothing has waited too long."
_STYLES = {Finding.NEEDS_YOU: "bold red"}


def render_drift(drift: Drift, *, color: bool = False, width: int = 100) -> str:
    """Write what was found, the most urgent first; each reason with what can be done."""
    page = Page(color=color, width=width)
    page.dotted([drift.workspace, drift.environment, read_words(drift)], style="dim")
    page.blank()
    if not drift.found:
        page.add([say(NOTHING)])
    for finding in Finding:
        items = [item for item in drift.found if item.finding is finding]
        if items:
            page.add([say(TITLES[finding], _STYLES.get(finding, "bold"))])
            for item in items:
                _show(page, item)
            page.prose(WAYS_OUT[finding], 2)
            page.blank()
    return page.render()


def read_words(drift: Drift) -> str:
    """Say when it was looked at."""
    zone, place = zone_of(drift.timezone)
    return f"read {moment(drift.read_at.astimezone(zone))} {place}"


def counts(drift: Drift) -> list[str]:
    """Count what was found, a part for each reason there is."""
    found = {finding: sum(item.finding is finding for item in drift.found) for finding in Finding}
    words = {
        Finding.NEEDS_YOU: "{} needs you" if found[Finding.NEEDS_YOU] == 1 else "{} need you",
        Finding.CHANGED: "{} changed in Leadterra",
        Finding.WAITING: "{} waited too long",
        Finding.NOT_APPLIED: "{} not applied",
    }
    return [words[finding].format(f"{number:,}") for finding, number in found.items() if number]


def place_of(item: Drifted) -> str:
    """Return where its file is."""
    if item.file is None:
        return ""
    return f"{item.file}:{item.line}" if item.line else item.file


def lines_of(item: Drifted) -> list[str]:
    """Return what is told of a campaign, line by line."""
    return [line.strip() for told in item.told for line in told.splitlines() if line.strip()]


def _show(page: Page, item: Drifted) -> None:
    place = place_of(item)
    page.add([say(f"  {item.campaign or 'all campaigns'}", "bold"), say(f"  {place}" if place else "", "cyan")])
    for line in lines_of(item):
        page.prose(line, 4)
