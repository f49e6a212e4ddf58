"""One campaign of the preview: what becomes of it, and its emails, beside what is being sent where that differs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from urllib.parse import quote

from reconciler.diagnostics import Diagnostic
from reconciler.model.campaign import SequenceStep
from reconciler.model.plan import ActionStatus, Kind, PlannedCampaign, PlannedStep
from reconciler.reporting.campaignview import audience, headline, intentions, reasons
from reconciler.reporting.checks import failed_words
from reconciler.reporting.days import name_of, sending_words
from reconciler.reporting.entries import LOOKS, Entry, Group
from reconciler.reporting.layout import Line
from reconciler.reporting.markup import Html, joined, sentence, tag
from reconciler.reporting.previewmail import card, linked
from reconciler.reporting.previewmail import framed as frame
from reconciler.reporting.readers import Readers
from reconciler.reporting.worddiff import BARE, word_diff
from reconciler.reporting.words import count, people, step_days
from reconciler.tokens import fill_tokens

_TONES = {
    Group.NEEDS_YOU: "bad",
    Group.WAITS: "warm",
    Group.SCHEDULED: "warm",
    Group.STARTS: "good",
    Group.RESUMES: "good",
    Group.ENROLLS: "good",
    Group.PAUSED: "warm",
}
_NOTHING, _OTHER = "still", "cool"
_WAITING = (ActionStatus.HELD, ActionStatus.SCHEDULED)


@dataclass(frozen=True, slots=True)
class Shown:
    """A campaign on the page.

    `steps` are those of its file; None: the file is gone. `sent` are those that it is sending now; None: it was never
    started, or nobody knows. `entry` is what is planned for it, and `planned` the campaign in the plan, as far as there
    are any. `notes` concern it alone.
    """

    key: str
    name: str
    place: str
    steps: tuple[SequenceStep, ...] | None
    readers: Readers
    sent: tuple[SequenceStep, ...] | None = None
    planned: PlannedCampaign | None = None
    entry: Entry | None = None
    notes: tuple[str, ...] = ()
    problems: tuple[Diagnostic, ...] = ()

    @property
    def anchor(self) -> str:
        """The id of its place on the page."""
        return f"campaign-{quote(self.key)}"

    @property
    def differs(self) -> bool:
        """Whether it sends something else than its file says."""
        return self.sent is not None and self.sent != self.steps

    @property
    def state(self) -> tuple[str, str] | None:
        """What becomes of it in a few words, and their tone; None where nothing was planned."""
        if self.entry is not None:
            group = self.entry.group
            return LOOKS[group].one, _TONES.get(group, _OTHER)
        if self.problems:
            return "needs you", "bad"
        return ("unchanged", _NOTHING) if self.planned is not None else None

    @property
    def emails(self) -> int:
        """How many emails of it are on the page; one that differs from what is sent counts once."""
        return max(len(self.steps or ()), len(self.sent or ()) if self.differs else 0)

    @property
    def frames(self) -> int:
        """How many frames its emails take."""
        differing = sum(a != b for a, b in zip(self.sent or (), self.steps or (), strict=False)) if self.differs else 0
        return self.emails + differing


def chip(shown: Shown) -> Html | None:
    """Mark what becomes of a campaign."""
    if shown.state is None:
        return None
    words, tone = shown.state
    return tag("span", words, class_=f"chip {tone}")


def campaign(shown: Shown, start: datetime | None, *, opened: bool, framed: bool) -> Html:
    """Write a campaign. `start` is the local time at which ready starts take place; None where nothing is planned.

    With `framed`, each email is in a frame of its own; else each has a link that shows it in the one frame of the page.
    """
    summary = tag(
        "summary",
        tag("h3", shown.name),
        chip(shown),
        tag("span", _brief(shown), class_="brief"),
    )
    about = tag(
        "p", tag("code", shown.key), *((" · ", tag("code", shown.place)) if shown.place else ()), class_="quiet"
    )
    return tag(
        "details",
        summary,
        tag(
            "div",
            about,
            *(tag("p", sentence(words), class_="note") for words in shown.notes),
            _facts(shown),
            *_steps(shown, start, framed=framed),
            id=shown.anchor,
            class_="inside",
        ),
        class_="campaign",
        open=opened,
    )


def _brief(shown: Shown) -> str:
    """Say in one line how many emails there are, to how many people, from when on."""
    told = [count(shown.emails, "email")]
    planned = shown.planned
    if planned is not None:
        counted = planned.people
        told += [people(counted.receive or counted.held or counted.enrolled or 0)] if _somebody(planned) else []
        if planned.sending is not None and planned.sending.first:
            told.append(f"from {name_of(planned.sending.first)}")
    return " · ".join(told)


def _somebody(planned: PlannedCampaign) -> bool:
    return bool(planned.people.receive or planned.people.held or planned.people.enrolled)


def _facts(shown: Shown) -> Html | None:
    rows = list(_told(shown))
    if not rows:
        return None
    return tag("dl", *(part for label, words in rows for part in (tag("dt", label), tag("dd", *_lines(words)))))


def _lines(words: str) -> Iterator[Html]:
    """Write a reason: a line each."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    yield from (tag("p", sentence(line)) for line in lines)


def _told(shown: Shown) -> Iterator[tuple[str, str]]:
    planned = shown.planned
    for problem in shown.problems:
        yield _sentence(problem.severity.value), f"{problem.message}\n{problem.hint or ''}"
    if shown.entry is not None:
        yield from _happening(shown.entry)
    if planned is not None:
        if planned.people.receive:
            yield "First email", f"{people(planned.people.receive)}, from this apply"
        if planned.sending is not None:
            yield "Sends", sending_words(planned.sending)
        if shown.steps is not None and planned.live != planned.desired:
            live = "not there yet" if planned.live == "absent" else planned.live
            yield "In Leadterra", f"{live}; to be {planned.desired}"


def _happening(entry: Entry) -> Iterator[tuple[str, str]]:
    said = headline(entry)
    if entry.group > Group.SCHEDULED:
        yield "What happens", _sentence(said)
    if why := "\n".join(dict.fromkeys(reasons(entry, said))):
        yield "Why", why
    if failed := failed_words([action for action in entry.actions if action.status in _WAITING]):
        yield "Waits for", ", ".join(failed)
    for label, words in (*intentions(entry), *audience(entry)):
        yield _sentence(label), _sentence(words)


def _sentence(words: str) -> str:
    words = words.strip(" :")
    return f"{words[:1].upper()}{words[1:]}"


def _steps(shown: Shown, start: datetime | None, *, framed: bool) -> Iterator[Html]:
    ready = shown.entry is not None and Kind.START in shown.entry.kinds(ActionStatus.READY)
    days = _days(shown.steps or (), start if ready else None)
    pairs = zip_longest(shown.sent or () if shown.differs else (), shown.steps or ())
    if not shown.emails:
        yield tag("p", "It has no email." if shown.steps is not None else "Its file is gone.", class_="quiet")
    for number, (sent, step) in enumerate(pairs):
        when = days[number] if number < len(days) else "no longer in the file"
        head = tag("h4", f"Email {number + 1}", " ", tag("span", when, class_="quiet"))
        parts = (
            _beside(shown, number, sent, step, framed=framed)
            if shown.differs
            else _alone(shown, number, step, framed=framed)
        )
        yield tag("article", head, parts, class_="step")


def _days(steps: Sequence[SequenceStep], start: datetime | None) -> list[str]:
    return step_days(tuple(PlannedStep(subject=step.subject, delay_days=step.delay_days) for step in steps), start)


def _alone(shown: Shown, number: int, step: SequenceStep | None, *, framed: bool) -> Html:
    return joined(_email(shown, number, step, "", framed=framed))


def _beside(shown: Shown, number: int, sent: SequenceStep | None, step: SequenceStep | None, *, framed: bool) -> Html:
    """Put what is sent now beside what the file has; both are one where they are equal."""
    if sent == step:
        same = tag("p", "The same as it is sent now.", class_="quiet")
        return joined((same, *_email(shown, number, step, "", framed=framed)))
    columns = (
        tag(
            "section",
            tag("h5", title),
            *(
                _email(shown, number, one, f", {title.lower()}", framed=framed)
                if one
                else (tag("p", absent, class_="quiet"),)
            ),
        )
        for title, one, absent in (
            ("Sent now", sent, "No such email is sent."),
            ("In the file", step, "There is no such email." if shown.steps is not None else "Its file is gone."),
        )
    )
    return joined((_differences(sent, step), tag("div", *columns, class_="beside")))


def _email(shown: Shown, number: int, step: SequenceStep | None, which: str, *, framed: bool) -> Iterator[Html]:
    if step is None:
        return
    title = f"Email {number + 1} of {shown.name}{which}"
    if framed:
        yield frame(card(step, shown.readers), title)
    else:
        yield tag("p", fill_tokens(step.subject, shown.readers.typical), class_="strong")
        yield linked(card(step, shown.readers, head=title), f"Show email {number + 1}{which}")


def _differences(sent: SequenceStep | None, step: SequenceStep | None) -> Html | None:
    if sent is None or step is None:
        return None
    rows: list[tuple[str, Html]] = []
    if sent.subject != step.subject:
        rows.append(("Subject", _edited(word_diff(sent.subject, step.subject, markup=False, whole=True, marks=BARE))))
    if sent.body_html != step.body_html:
        rows.append(("Text", _edited(word_diff(sent.body_html, step.body_html, markup=True, marks=BARE))))
    if sent.delay_days != step.delay_days:
        before, after = (count(days, "day") for days in (sent.delay_days, step.delay_days))
        rows.append(("Wait", joined((tag("del", before), " ", tag("ins", after)))))
    return tag("dl", *(part for label, words in rows for part in (tag("dt", label), tag("dd", words))), class_="edits")


def _edited(line: Line) -> Html:
    names = {"red": "del", "green": "ins"}
    return joined(tag(names[span.style], span.text) if span.style in names else span.text for span in line)
