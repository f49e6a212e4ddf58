"""Enrolments: in batches, each written down before the next; whom the server does not accept is found and left out.

The server accepts a request or refuses the whole of it (leadterra-api.md, 422). So what it says of single leads is
believed as far as it proves right: whoever is named by an address is left out; whoever is named by a position is left
out once the rest is accepted, since positions that were counted otherwise would leave a bad lead in the rest. Where
nobody is named, halves are tried, down to single leads.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from reconciler.diagnostics import ApiError, Interrupted, LeadsRefusedError, error
from reconciler.execution import transitions
from reconciler.execution.rechecking import recheck
from reconciler.execution.tools import NotReadyError
from reconciler.execution.work import Work, result
from reconciler.model.intents import EnrollIntent
from reconciler.model.live import Enrolment, LiveStatus
from reconciler.model.plan import Action
from reconciler.model.report import ActionResult, Outcome
from reconciler.model.roster import Lead, Roster
from reconciler.model.state import Cohort

PROBES = 8
"""Leads from all over a batch that are tried one by one, where nobody is named.

Once one of them is accepted, the refusal is about others. Where all are refused, it hardly is about leads at all (the
campaign may be closed to new ones): then the enrolment fails, instead of asking for each lead of the batch.
"""


def enroll(work: Work, action: Action) -> ActionResult:
    """Enrol everybody who is new or changed, but for whom the server refuses; then compare with what it counts."""
    tools = work.tools
    recheck(work, before_enrolling=True)
    known = work.known()
    roster = tools.leads.roster(work.wanted, known, work.avoid)
    enrolment = _Enrolment(work, roster.new + roster.changed)
    try:
        for kind, leads in tools.leads.batches(work.wanted, known, work.avoid):
            enrolment.batch(kind, leads)
    finally:
        enrolment.tell()
    tools.change(partial(transitions.all_enrolled, key=work.key))
    work.enrolled = True
    # For the words of the checks to come; the list itself is not read again, so that they notice a change.
    refused = roster.refused + roster.new - enrolment.sent["new"]
    work.roster = work.roster.model_copy(update={"refused": refused})
    words = enrolment.words(roster)
    try:
        _verify(work)
    except Interrupted:
        # All of it is written down; the checks before a start compare the counters, too.
        words += "; the run was interrupted before the counters were compared"
    taken = enrolment.accepted["new"] if roster.new else None
    return result(action, Outcome.DONE, words).model_copy(update={"leads_enrolled": taken})


class _Part(NamedTuple):
    """Leads to be sent in one request. `suspects` are left out of it since they were named by their positions."""

    leads: Sequence[Lead]
    suspects: Sequence[Lead] = ()


@dataclass(slots=True)
class _Enrolment:
    """One enrolment on its way: how many leads were sent and accepted, by kind, and whom the server refused.

    `positions`: whether the positions that it names can be believed. Of the present batch: `taken`, whether anybody was
    accepted, as far as that still tells that the campaign takes leads; `alone`, who was refused alone since somebody
    was accepted last; `nameless`, how many were refused alone in all; `announced`, how many bad leads there are by the
    entries of an answer that names nobody.
    """

    work: Work
    total: int
    sent: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    refused: list[Lead] = field(default_factory=list)
    positions: bool = True
    taken: bool = False
    alone: list[tuple[Lead, LeadsRefusedError]] = field(default_factory=list)
    nameless: int = 0
    announced: int = 0

    def batch(self, kind: str, leads: Sequence[Lead]) -> None:
        """Enrol a batch, and remember whom the server refused of it, also where it does not come to its end."""
        before = len(self.refused)
        self.taken, self.alone, self.nameless, self.announced = False, [], 0, 0
        try:
            todo = [_Part(leads)]
            while todo:
                part = todo.pop()
                todo += reversed(self._after(kind, part, self._request(kind, part.leads)))
                if len(self.alone) >= PROBES and self.nameless > self.announced:
                    # More than the answers account for: see again, all over the rest, that it is about single leads.
                    self.taken = False
                    rest = [lead for left in reversed(todo) for lead in (*left.leads, *left.suspects)]
                    todo = [_Part(rest)] if rest else []
            self._judge()
        finally:
            self._remember(self.refused[before:])

    def _after(self, kind: str, part: _Part, refusal: LeadsRefusedError | None) -> list[_Part]:
        """Return what is to be tried next of a part that was sent."""
        if refusal is None:
            self._leave_out(part.suspects)
            return []
        if part.suspects:
            # Bad leads are left in the rest: positions are counted in another way, or not all of them were named.
            self.positions = False
            return self._divide(kind, [*part.leads, *part.suspects], refusal)
        sure = refusal.by_address
        named = refusal.named if self.positions and refusal.complete else sure
        if not named:
            return self._divide(kind, part.leads, refusal)
        self._leave_out([part.leads[position] for position in sorted(sure)])
        suspects = [part.leads[position] for position in sorted(named - sure)]
        rest = [lead for position, lead in enumerate(part.leads) if position not in named]
        if rest:
            return [_Part(rest, suspects)]
        # Each position is named: no other way of counting has them all.
        self._leave_out(suspects)
        return []

    def _divide(self, kind: str, leads: Sequence[Lead], refusal: LeadsRefusedError) -> list[_Part]:
        """Return halves of a part in which nobody is named; before the first of a batch, see that it is about leads."""
        if len(leads) == 1:
            self._refused_alone(leads[0], refusal)
            return []
        self.announced = max(self.announced, refusal.entries)
        rest = leads if self.taken else self._probe(kind, leads, refusal)
        middle = (len(rest) + 1) // 2
        return [_Part(half) for half in (rest[:middle], rest[middle:]) if half]

    def _probe(self, kind: str, leads: Sequence[Lead], refusal: LeadsRefusedError) -> Sequence[Lead]:
        """Try leads from all over a part until one is accepted, and return the others. Raises where none is."""
        count = min(PROBES, len(leads))
        tried: set[int] = set()
        for position in (number * len(leads) // count for number in range(count)):
            tried.add(position)
            problem = self._request(kind, [leads[position]])
            if problem is None:
                break
            self._refused_alone(leads[position], problem)
        if not self.taken and len(leads) > count:
            raise _about_the_campaign(refusal, self.alone)
        return [lead for position, lead in enumerate(leads) if position not in tried]

    def _refused_alone(self, lead: Lead, refusal: LeadsRefusedError) -> None:
        self.alone.append((lead, refusal))
        self.nameless += 1

    def _judge(self) -> None:
        """Leave out whom the server refused alone, where that is about them.

        It is where others of the batch were accepted, or where the answer has an entry about the one lead it got. An
        answer without entries may be about anything.
        """
        unclear = [refusal for _, refusal in self.alone if not refusal.entries]
        if unclear and not self.taken:
            raise unclear[0] if len(self.alone) == 1 else _about_the_campaign(unclear[0], self.alone)
        self._leave_out([lead for lead, _ in self.alone])
        self.alone.clear()

    def _request(self, kind: str, leads: Sequence[Lead]) -> LeadsRefusedError | None:
        """Send leads and write the outcome down; return the refusal where the server accepts none of them."""
        work, tools = self.work, self.work.tools
        known = work.known()
        tools.go_on()
        segment = tools.keep(tools.leads.segment(leads))
        intent = EnrollIntent(
            campaign=work.key,
            at=tools.clock(),
            by=tools.by,
            id=known.id,
            segment=segment,
            leads=len(leads),
            new=kind == "new",
        )
        try:
            operation, answer = tools.ask(intent, partial(_send, work, known.id, leads), stoppable=True)
        except LeadsRefusedError as refusal:
            return refusal
        self.taken = True
        self._judge()
        self.sent[kind] += len(leads)
        self.accepted[kind] += answer.accepted
        work.called = f"{self.accepted.total():,} of {self.total:,} leads were enrolled"
        cohort = Cohort(at=tools.clock(), sent=len(leads), accepted=_added(work, answer) if kind == "new" else 0)
        tools.change(
            partial(transitions.enrolled, key=work.key, segment=segment, cohort=cohort, operation=operation),
            what=f"{work.key}: {answer.accepted:,} leads enrolled",
        )
        self._progress()
        return None

    def _leave_out(self, leads: Sequence[Lead]) -> None:
        if leads:
            self.refused += leads
            self._progress()

    def _progress(self) -> None:
        self.work.tools.sink.leads_enrolled(self.work.wanted.key, self.sent.total() + len(self.refused), self.total)

    def _remember(self, leads: Sequence[Lead]) -> None:
        """Write down who was refused, with the next record: should that be lost, the next run finds them again."""
        if leads:
            segment = self.work.tools.keep(self.work.tools.leads.segment(leads))
            told = f"{self.work.key}: {len(leads):,} leads not accepted by Leadterra"
            self.work.tools.keeper.soon(partial(transitions.refused, key=self.work.key, segment=segment), what=told)

    def tell(self) -> None:
        """Tell by line who was left out, in the report."""
        if self.refused:
            self.work.tools.told.extend(self.work.tools.leads.refused(self.work.wanted, self.refused))

    def words(self, roster: Roster) -> str:
        """Say how many people were enrolled, and how many not."""
        parts = [f"{self.accepted['new']:,} enrolled"] if roster.new else []
        parts += [f"{self.accepted['changed']:,} brought up to date"] if roster.changed else []
        suppressed = self.sent.total() - self.accepted.total()
        parts += [f"{suppressed:,} on the suppression list"] if suppressed else []
        parts += [f"{len(self.refused):,} not accepted by Leadterra"] if self.refused else []
        return ", ".join(parts)


def _about_the_campaign(refusal: LeadsRefusedError, alone: Sequence[tuple[Lead, LeadsRefusedError]]) -> ApiError:
    """Make the error for a refusal that goes on whoever is sent."""
    lines = ", ".join(str(line) for line in sorted(lead.line for lead, _ in alone))
    words = (
        f"{refusal} Each lead that was tried alone was refused, too (lines {lines}), and after them nobody was "
        "accepted: it seems to be about the campaign, not about single leads"
    )
    hint = "Look in Leadterra whether this campaign takes leads at all; then run the same command again."
    sent = refusal.sent or any(item.sent for _, item in alone)
    return ApiError(error("leads-refused", words, hint=hint), status=refusal.status, sent=sent)


def _send(work: Work, campaign_id: str, leads: Sequence[Lead], _operation: str) -> Enrolment:
    return work.tools.api.enroll(campaign_id, leads, again=work.tools.unless_stopped(work.key))


def _added(work: Work, answer: Enrolment) -> int:
    """Count how many people a batch of new leads added.

    Leads that the server calls known are ours where a first try was carried out and its answer lost, and not ours
    where somebody else had enrolled them: the counters tell. Where these cannot be read, all are taken for ours:
    the batch has to be written down, and a wrong count is found before the start.
    """
    if not answer.updated:
        return answer.enrolled
    known = work.known()
    try:
        added = work.tools.api.stats(known.id).total_enrolled - known.expected_enrolled
    except (ApiError, Interrupted):
        return answer.accepted
    return min(max(added, answer.enrolled), answer.accepted)


def _verify(work: Work) -> None:
    known = work.known()
    stats = work.tools.api.stats(known.id)
    if stats.total_enrolled < known.expected_enrolled or (
        work.planned is LiveStatus.DRAFT and stats.total_enrolled != known.expected_enrolled
    ):
        raise NotReadyError(
            Outcome.BLOCKED,
            f"Leadterra counts {stats.total_enrolled:,} leads in it after the enrolment, expected were "
            f"{known.expected_enrolled:,}; look in Leadterra who was added or removed, then run again",
        )
