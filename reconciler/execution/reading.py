"""What the server says: read side by side, every failure kept as an unknown."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from reconciler.diagnostics import ApiError, CallMissingError, CampaignGoneError
from reconciler.model.campaign import steps_digest
from reconciler.model.intents import CreateIntent
from reconciler.model.live import (
    Capabilities,
    Live,
    LiveCampaign,
    LiveStatus,
    RemoteCampaign,
    Stats,
)
from reconciler.model.state import CampaignState, State
from reconciler.ports import CampaignReader

WORKERS = 8
"""Requests side by side. The client paces them; the server's 429 slows them down."""

MANY = 20
"""From so many campaigns on, one list costs less than asking for each of them."""

CLOCKS_DIFFER = timedelta(minutes=10)
"""By how much the server's clock may be behind ours."""

_T = TypeVar("_T")
_DOCUMENTED = {status.value: status for status in (LiveStatus.DRAFT, LiveStatus.RUNNING, LiveStatus.PAUSED)}


class Reader:
    """Reads campaigns, and learns on the way whether the server can show one in full.

    `capabilities` holds what is known so far; an undocumented call that is known to be missing is not tried again.
    """

    def __init__(self, api: CampaignReader, capabilities: Capabilities) -> None:
        self._api = api
        self._lock = threading.Lock()
        self.capabilities = capabilities

    def campaign(self, known: CampaignState, leftovers: Iterable[str] = ()) -> LiveCampaign:
        """Read one campaign. A call that fails makes the status unknown; only the documented `stats` makes it gone."""
        try:
            stats = self._api.stats(known.id)
        except CampaignGoneError:
            return LiveCampaign(id=known.id, status=LiveStatus.GONE)
        except ApiError as failure:
            return LiveCampaign(id=known.id, status=LiveStatus.UNKNOWN, problem=str(failure))
        try:
            shown = self.show(known.id)
        except ApiError as failure:
            return LiveCampaign(id=known.id, status=LiveStatus.UNKNOWN, problem=str(failure))
        status, read = _status(known, shown, stats)
        return LiveCampaign(
            id=known.id,
            status=status,
            status_read=read,
            name=shown.name if shown else None,
            steps=shown.steps if shown else None,
            stats=stats,
            leftovers={name: self._leftover(name) for name in leftovers},
            problem="Leadterra shows a status that is not documented" if status is LiveStatus.UNKNOWN else None,
        )

    def show(self, campaign_id: str) -> RemoteCampaign | None:
        """Read a campaign in full; None where this server has no such call."""
        if self.capabilities.get_campaign is False:
            return None
        try:
            shown = self._api.campaign(campaign_id)
        except CallMissingError:
            self.learn(get_campaign=False)
            return None
        self.learn(get_campaign=True)
        return shown

    def show_many(self, ids: Sequence[str]) -> dict[str, RemoteCampaign]:
        """Read many campaigns in full; those of which the server shows nothing are left out.

        From `MANY` on they are looked up in the list of campaigns, where this server has one. Raises `Interrupted`.
        """
        listed = self._listed() if len(ids) >= MANY and self.capabilities.get_campaign is not False else {}
        found = {name: listed[name] for name in ids if name in listed and listed[name].steps is not None}
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="read") as threads:
            shown = threads.map(self._show_or_not, [name for name in ids if name not in found])
            return found | {item.id: item for item in shown if item is not None}

    def _listed(self) -> dict[str, RemoteCampaign]:
        if self.capabilities.list_campaigns is False:
            return {}
        try:
            listed = self._api.campaigns()
        except CallMissingError:
            self.learn(list_campaigns=False)
            return {}
        except ApiError:
            return {}
        self.learn(list_campaigns=True)
        return {item.id: item for item in listed}

    def _show_or_not(self, campaign_id: str) -> RemoteCampaign | None:
        try:
            return self.show(campaign_id)
        except ApiError:
            return None

    def learn(self, **calls: bool) -> None:
        """Remember whether an undocumented call exists."""
        with self._lock:
            self.capabilities = self.capabilities.model_copy(update=calls)

    def _leftover(self, campaign_id: str) -> Stats | None:
        """Read the counters of an older draft; one that is gone cannot send."""
        try:
            return self._api.stats(campaign_id)
        except CampaignGoneError:
            return Stats(total_enrolled=0, sent=0, queued=0)
        except ApiError:
            return None


def _status(known: CampaignState, shown: RemoteCampaign | None, stats: Stats) -> tuple[LiveStatus, bool]:
    """Tell the status, and whether the server said it.

    Where no answer holds it, counters above zero show that the campaign has been started (leadterra-api.md, "Stats");
    otherwise it is what was last written.
    """
    word = (shown.status if shown else None) or stats.status
    if word is not None:
        return _DOCUMENTED.get(word, LiveStatus.UNKNOWN), True
    if known.status == "draft" and (stats.sent > 0 or stats.queued > 0):
        return LiveStatus.RUNNING, False
    return LiveStatus(known.status), False


def read_live(reader: Reader, api: CampaignReader, state: State, wanted: Mapping[str, CampaignState]) -> Live:
    """Read pools, accounts and the wanted campaigns (by key), side by side in a bounded pool of threads.

    Where intents to create are open, the campaigns are listed, too.
    """
    problems: list[str] = []

    def attempt(read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except ApiError as failure:
            problems.append(str(failure))
            return None

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="read") as threads:
        pools = threads.submit(attempt, api.sender_pools)
        accounts = threads.submit(attempt, api.sender_accounts)
        campaigns = {
            key: threads.submit(reader.campaign, known, state.leftover_ids(key)) for key, known in wanted.items()
        }
        drafts = drafts_of(reader, api, state, attempt)
        found = {key: future.result() for key, future in campaigns.items()}
        return Live(
            campaigns=found,
            drafts=drafts,
            pools=pools.result(),
            accounts=accounts.result(),
            capabilities=reader.capabilities,
            problems=tuple(sorted(problems)),
        )


def drafts_of(
    reader: Reader,
    api: CampaignReader,
    state: State,
    attempt: Callable[[Callable[[], tuple[LiveCampaign, ...]]], tuple[LiveCampaign, ...] | None],
) -> dict[str, tuple[LiveCampaign, ...] | None]:
    """Look up what open intents to create may have made; nothing where this server cannot list campaigns.

    The same holds for one draft that could be the right one, but whose steps cannot be shown.
    """
    intents = {name: intent for name, intent in state.operations.items() if isinstance(intent, CreateIntent)}
    if not intents or reader.capabilities.list_campaigns is False:
        return {}
    try:
        listed = api.campaigns()
    except CallMissingError:
        reader.learn(list_campaigns=False)
        return {}
    except ApiError as failure:
        problem = failure
        return {name: attempt(lambda: _raise(problem)) for name in intents}
    reader.learn(list_campaigns=True)
    known = {entry.id for entry in state.campaigns.values()} | {item.id for item in state.leftovers}
    for buried in state.tombstones.values():
        known |= {buried.campaign.id, *(earlier.id for earlier in buried.earlier)}
    free = [item for item in listed if item.id not in known]
    found: dict[str, tuple[LiveCampaign, ...] | None] = {}
    for name, intent in intents.items():
        unshown: list[str] = []
        made = attempt(partial(_made_by, reader, api, intent, free, unshown))
        if made != () or not unshown:
            found[name] = made
    return found


def _raise(problem: ApiError) -> tuple[LiveCampaign, ...]:
    raise problem


def _made_by(
    reader: Reader, api: CampaignReader, intent: CreateIntent, listed: list[RemoteCampaign], unshown: list[str]
) -> tuple[LiveCampaign, ...]:
    """Return the drafts that this intent may have made: same name and steps, no leads, made since; oldest first.

    `unshown` gets the ids of those whose steps cannot be shown.
    """
    found: list[tuple[str, LiveCampaign]] = []
    for item in listed:
        if item.name != intent.name or item.status not in {None, "draft"} or not made_since(intent, item.created_at):
            continue
        shown = item if item.steps is not None else reader.show(item.id)
        if shown is None or shown.steps is None:
            unshown.append(item.id)
            continue
        if steps_digest(shown.steps) != intent.steps:
            continue
        stats = api.stats(item.id)
        if (shown.status or stats.status or "draft") != "draft" or stats.total_enrolled or stats.sent or stats.queued:
            continue
        draft = LiveCampaign(id=item.id, status=LiveStatus.DRAFT, name=item.name, steps=shown.steps, stats=stats)
        found.append((item.created_at or "", draft))
    return tuple(draft for _, draft in sorted(found, key=lambda pair: (pair[0], pair[1].id)))


def made_since(intent: CreateIntent, created_at: str | None) -> bool:
    """Whether a draft can be that of this intent by its age, as far as that is told; clocks may differ by minutes."""
    if created_at is None:
        return True
    try:
        made = datetime.fromisoformat(created_at)
    except ValueError:
        return True
    return made.tzinfo is None or intent.at - made <= CLOCKS_DIFFER


def from_state(state: State, wanted: Mapping[str, CampaignState]) -> Live:
    """Take what was last written as what is live, without asking (`plan --no-refresh`)."""
    return Live(
        campaigns={
            key: LiveCampaign(id=known.id, status=LiveStatus(known.status), status_read=False)
            for key, known in wanted.items()
        },
        capabilities=state.capabilities,
        refreshed=False,
    )
