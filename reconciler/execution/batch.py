"""One batch of an enrolment: sent as a whole; where that is refused, whom the server does not accept is found.

The server accepts a request or refuses the whole of it (leadterra-api.md, 422). So what it says of single leads is
believed as far as it proves right: whoever is named by an address is left out; whoever is named by a position is left
out once the rest is accepted, since positions that were counted otherwise would leave a bad lead in the rest. Where
nobody is named, halves are tried, down to single leads.
"""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from reconciler.diagnostics import ApiError, LeadsRefusedError, error
from reconciler.execution import transitions
from reconciler.execution.keeper import Transition
from reconciler.execution.tools import new_operation
from reconciler.execution.work import Work
from reconciler.model.intents import EnrollIntent
from reconciler.model.live import Enrolment
from reconciler.model.roster import Lead
from reconciler.model.state import Cohort

PROBES = 8
"""Leads from all over a batch that are tried one by one, where nobody is named.

Once one of them is accepted, the refusal is about others. Where all are refused, it hardly is about leads at all (the
campaign may be closed to new ones): then the enrolment fails, instead of asking for each lead of the batch.
"""


class Taken(NamedTuple):
    """A request that the server carried out. Until its outcome is written down, its intent is open."""

    operation: str
    segment: str
    sent: int
    answer: Enrolment

    @property
    def counted(self) -> bool:
        """Whether the answer alone tells how many people it added: nobody of it was known to the server."""
        return not self.answer.updated


class Tally:
    """How an enrolment stands, over all of its batches. Safe for threads.

    `sent` and `accepted` count leads by kind; `refused` are those whom the server did not accept. `positions`: whether
    the positions that it names can be believed. `broken` is set once a batch has failed: the others send nothing more.
    """

    def __init__(self, work: Work, total: int) -> None:
        self.work = work
        self.sent: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.refused: list[Lead] = []
        self.positions = True
        self.broken = threading.Event()
        self._total = total
        self._lock = threading.Lock()

    def took(self, kind: str, sent: int, accepted: int) -> None:
        """Count leads that were sent in one request, and tell how far it has come."""
        with self._lock:
            self.sent[kind] += sent
            self.accepted[kind] += accepted
            self.work.called = f"{self.accepted.total():,} of {self._total:,} leads were enrolled"
            self._progress()

    def left_out(self, leads: Sequence[Lead]) -> None:
        """Count leads that the server does not accept."""
        with self._lock:
            self.refused += leads
            self._progress()

    def _progress(self) -> None:
        done = self.sent.total() + len(self.refused)
        self.work.tools.sink.leads_enrolled(self.work.wanted.key, done, self._total)


class _Part(NamedTuple):
    """Leads to be sent in one request. `suspects` are left out of it since they were named by their positions."""

    leads: Sequence[Lead]
    suspects: Sequence[Lead] = ()


class _EndedError(Exception):
    """Another batch of the enrolment has failed."""


@dataclass(slots=True)
class Batch:
    """A batch on its way; `operation` and `intent` are those of its first request, which sends all of it.

    `taken` is what is not written down yet; `refused` whom the server did not accept. `lives`: whether anybody was
    accepted, as far as that still tells that the campaign takes leads. `alone`: who was refused alone since somebody
    was accepted last, `nameless` how many were in all; `announced`: how many bad leads there are by the entries of an
    answer that names nobody.
    """

    tally: Tally
    kind: str
    leads: Sequence[Lead]
    operation: str = field(default_factory=new_operation)
    intent: EnrollIntent = field(init=False)
    taken: list[Taken] = field(default_factory=list)
    _refused: list[Lead] = field(default_factory=list)
    _begun: bool = False
    _lives: bool = False
    _alone: list[tuple[Lead, LeadsRefusedError]] = field(default_factory=list)
    _nameless: int = 0
    _announced: int = 0

    def __post_init__(self) -> None:
        self.intent = self._intent(self.leads)

    def run(self) -> None:
        """Send it, once its intent is durable, and remember whom the server refused of it, also where that fails."""
        try:
            todo = [_Part(self.leads)]
            while todo:
                part = todo.pop()
                todo += reversed(self._after(part, self._request(part.leads)))
                if len(self._alone) >= PROBES and self._nameless > self._announced:
                    # More than the answers account for: see again, all over the rest, that it is about single leads.
                    self._lives = False
                    rest = [lead for left in reversed(todo) for lead in (*left.leads, *left.suspects)]
                    todo = [_Part(rest)] if rest else []
            self._judge()
        except _EndedError:
            return
        except BaseException:
            self.tally.broken.set()
            raise
        finally:
            self._remember()

    def _after(self, part: _Part, refusal: LeadsRefusedError | None) -> list[_Part]:
        """Return what is to be tried next of a part that was sent."""
        if refusal is None:
            self._leave_out(part.suspects)
            return []
        if part.suspects:
            # Bad leads are left in the rest: positions are counted in another way, or not all of them were named.
            self.tally.positions = False
            return self._divide([*part.leads, *part.suspects], refusal)
        sure = refusal.by_address
        named = refusal.named if self.tally.positions and refusal.complete else sure
        if not named:
            return self._divide(part.leads, refusal)
        self._leave_out([part.leads[position] for position in sorted(sure)])
        suspects = [part.leads[position] for position in sorted(named - sure)]
        rest = [lead for position, lead in enumerate(part.leads) if position not in named]
        if rest:
            return [_Part(rest, suspects)]
        # Each position is named: no other way of counting has them all.
        self._leave_out(suspects)
        return []

    def _divide(self, leads: Sequence[Lead], refusal: LeadsRefusedError) -> list[_Part]:
        """Return halves of a part in which nobody is named; before the first of a batch, see that it is about leads."""
        if len(leads) == 1:
            self._refused_alone(leads[0], refusal)
            return []
        self._announced = max(self._announced, refusal.entries)
        rest = leads if self._lives else self._probe(leads, refusal)
        middle = (len(rest) + 1) // 2
        return [_Part(half) for half in (rest[:middle], rest[middle:]) if half]

    def _probe(self, leads: Sequence[Lead], refusal: LeadsRefusedError) -> Sequence[Lead]:
        """Try leads from all over a part until one is accepted, and return the others. Raises where none is."""
        count = min(PROBES, len(leads))
        tried: set[int] = set()
        for position in (number * len(leads) // count for number in range(count)):
            tried.add(position)
            problem = self._request([leads[position]])
            if problem is None:
                break
            self._refused_alone(leads[position], problem)
        if not self._lives and len(leads) > count:
            raise _about_the_campaign(refusal, self._alone)
        return [lead for position, lead in enumerate(leads) if position not in tried]

    def _refused_alone(self, lead: Lead, refusal: LeadsRefusedError) -> None:
        self._alone.append((lead, refusal))
        self._nameless += 1

    def _judge(self) -> None:
        """Leave out whom the server refused alone, where that is about them.

        It is where others of the batch were accepted, or where the answer has an entry about the one lead it got. An
        answer without entries may be about anything.
        """
        unclear = [refusal for _, refusal in self._alone if not refusal.entries]
        if unclear and not self._lives:
            raise unclear[0] if len(self._alone) == 1 else _about_the_campaign(unclear[0], self._alone)
        self._leave_out([lead for lead, _ in self._alone])
        self._alone.clear()

    def _request(self, leads: Sequence[Lead]) -> LeadsRefusedError | None:
        """Send leads, and return the refusal where the server accepts none of them."""
        tools = self.tally.work.tools
        operation, intent = self.operation, self.intent
        if self._begun:
            operation, intent = new_operation(), self._next(leads)
            outcome, what = self._outcome()
            tools.intend({operation: intent}, stoppable=True, outcome=outcome, what=what)
        self._begun = True
        try:
            answer = tools.carry_out(operation, intent, partial(_send, self.tally.work, intent.id, leads))
        except LeadsRefusedError as refusal:
            return refusal
        self.taken.append(Taken(operation, intent.segment, len(leads), answer))
        self._lives = True
        self._judge()
        self.tally.took(self.kind, len(leads), answer.accepted)
        return None

    def _next(self, leads: Sequence[Lead]) -> EnrollIntent:
        if self.tally.broken.is_set():
            raise _EndedError
        self.tally.work.tools.go_on()
        return self._intent(leads)

    def _intent(self, leads: Sequence[Lead]) -> EnrollIntent:
        work, tools = self.tally.work, self.tally.work.tools
        return EnrollIntent(
            campaign=work.key,
            at=tools.clock(),
            by=tools.by,
            id=work.known().id,
            segment=tools.keep(tools.leads.segment(leads)),
            leads=len(leads),
            new=self.kind == "new",
        )

    def _outcome(self) -> tuple[Transition | None, str]:
        """Hand out what can be written down: how many people the rest added, only the counters will tell.

        What could not be written is not handed out again: nobody knows whether it was, and the next run finds it out.
        """
        written = [item for item in self.taken if self.kind != "new" or item.counted]
        self.taken = [item for item in self.taken if item not in written]
        added = sum(item.answer.enrolled for item in written) if self.kind == "new" else 0
        return outcome_of(self.tally.work, written, new=self.kind == "new", added=added)

    def _leave_out(self, leads: Sequence[Lead]) -> None:
        if leads:
            self._refused += leads
            self.tally.left_out(leads)

    def _remember(self) -> None:
        """Write down who was refused, with the next record: should that be lost, the next run finds them again."""
        if self._refused:
            work, tools = self.tally.work, self.tally.work.tools
            segment = tools.keep(tools.leads.segment(self._refused))
            told = f"{work.key}: {len(self._refused):,} leads not accepted by Leadterra"
            tried = len(self._refused) if self.kind == "new" else 0
            cohort = Cohort(at=tools.clock(), sent=0, accepted=0, tried=tried)
            refused = partial(transitions.refused, key=work.key, segment=segment, cohort=cohort)
            tools.keeper.soon(refused, what=told)


def outcome_of(work: Work, taken: Sequence[Taken], *, new: bool, added: int) -> tuple[Transition | None, str]:
    """Return what writes requests down that were carried out, and its line in the history; None where there are none.

    `new`: they were about new people; `added` is how many people they added to the campaign.
    """
    if not taken:
        return None, ""
    sent = sum(item.sent for item in taken)
    written = partial(
        transitions.enrolled,
        key=work.key,
        segments=tuple(item.segment for item in taken),
        cohort=Cohort(at=work.tools.clock(), sent=sent, accepted=added, tried=sent if new else 0),
        operations=frozenset(item.operation for item in taken),
    )
    return written, f"{work.key}: {sum(item.answer.accepted for item in taken):,} leads enrolled"


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
