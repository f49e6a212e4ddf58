"""The calls of the API, one method each: what `reconciler.ports.CampaignApi` asks for."""

import json
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar

from reconciler.diagnostics import ApiError, error
from reconciler.leadterra import wire
from reconciler.leadterra.answers import Answer, Call
from reconciler.leadterra.pace import Pace
from reconciler.leadterra.redaction import Redactor
from reconciler.leadterra.transport import Transport
from reconciler.model.campaign import SequenceStep
from reconciler.model.live import Account, Enrolment, Pool, RemoteCampaign, Replies, Reply, Started, Stats
from reconciler.model.roster import Lead

if TYPE_CHECKING:
    import httpx

MOST_PAGES = 1_000
MOST_REPLY_PAGES = 200
MOST_SUPPRESSED = 1_000
_JSON = {"Content-Type": "application/json"}
_AGAIN = "Running the same command again is safe."

_Item = TypeVar("_Item", Pool, Account, RemoteCampaign)


class LeadterraClient:
    """One workspace of Leadterra. Safe to use from several threads; a context manager that closes its connections.

    With `allow_writes=False` everything but reading raises `ReadOnlyError` before anything is sent: this is the client
    that `plan` holds. `timeout` and `max_wait` are seconds, see `Transport`; `transport` stands in for the network;
    waits end with `Interrupted` once `cancelled` is set; `told` gets a line for a failed attempt that is repeated;
    `may_send` is asked before every attempt, with the seconds of silence it may take, and raises `LeaseLostError`
    where it must not leave.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        allow_writes: bool,
        requests_per_second: float | None = None,
        transport: "httpx.BaseTransport | None" = None,
        timeout: float = 30.0,
        attempts: int = 4,
        max_wait: float = 60.0,
        cancelled: threading.Event | None = None,
        told: Callable[[str], None] | None = None,
        may_send: Callable[[float], None] | None = None,
    ) -> None:
        self._transport = Transport(
            base_url,
            api_key,
            allow_writes=allow_writes,
            pace=Pace(requests_per_second, cancelled),
            transport=transport,
            timeout=timeout,
            attempts=attempts,
            max_wait=max_wait,
            told=told,
            may_send=may_send,
        )

    def __repr__(self) -> str:
        return f"LeadterraClient({self._transport.base_url!r}, allow_writes={self._transport.allow_writes})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def sender_pools(self) -> tuple[Pool, ...]:
        """Read the pools with what is left of today's capacity."""
        return self._read_all("/sender-pools", ("pools", "senderPools", "data"), "sender pools", wire.pool)

    def sender_accounts(self) -> tuple[Account, ...]:
        """Read the sender accounts."""
        names = ("accounts", "senderAccounts", "data")
        return self._read_all("/sender-accounts", names, "sender accounts", wire.account)

    def campaigns(self) -> tuple[RemoteCampaign, ...]:
        """List the campaigns; raises `CallMissingError` where the server has no such call (undocumented)."""
        return self._read_all("/campaigns", ("campaigns", "data"), "campaigns", wire.campaign, undocumented=True)

    def campaign(self, campaign_id: str) -> RemoteCampaign:
        """Read one campaign back; raises `CallMissingError` where the server has no such call (undocumented)."""
        answer = self._transport.send(Call("GET", _path(campaign_id), undocumented=True))
        return wire.campaign(answer, asked=campaign_id)

    def stats(self, campaign_id: str) -> Stats:
        """Read the counters of one campaign."""
        return wire.stats(self._transport.send(Call("GET", _path(campaign_id, "stats"))), asked=campaign_id)

    def replies(self, campaign_id: str) -> Replies:
        """Read the replies to one campaign, newest first, `MOST_REPLY_PAGES` pages at most.

        A reply that comes meanwhile moves the others on, so a page may begin with what the last one ended with. Without
        a total the list goes on until a page has nothing new.
        """
        found: dict[str, Reply | None] = {}
        seen, complete = 0, False
        for number in range(1, MOST_REPLY_PAGES + 1):
            query = f"?campaignId={_checked(campaign_id)}" + ("" if number == 1 else f"&page={number}")
            answer = self._transport.send(Call("GET", f"/replies{query}", private=True))
            page = wire.page(answer, ("replies", "data"), "replies")
            items = [wire.reply(answer, entry) for entry in page.items]
            added = {item.id: item if about in {None, campaign_id} else None for about, item in items}
            known = added.keys() <= found.keys()
            seen += len(items)
            found |= added
            complete = known if page.total is None else seen >= page.total
            if complete:
                break
            if known or page.page not in {None, number}:
                told = f"the list of replies is not complete: {seen} of {page.total} in {number} pages"
                raise answer.unclear(told, hint=_CHANGED)
        return Replies(found=tuple(item for item in found.values() if item is not None), complete=complete)

    def glance(self, campaign_id: str) -> str | None:
        """Return the status as one quick try shows it; None where it does not."""
        try:
            answer = self._transport.send(Call("GET", _path(campaign_id, "stats"), urgent=True, hurried=True))
            return wire.stats(answer, asked=campaign_id).status
        except ApiError:
            return None

    def create(self, name: str, steps: Sequence[SequenceStep], *, operation: str) -> RemoteCampaign:
        """Create a draft; the one call that is not repeated once it may have been carried out (design §6).

        `operation` is sent as `Idempotency-Key`, the same in each attempt: letters, digits, `-` and `_`.
        """
        if not wire.CAMPAIGN_ID.fullmatch(operation):
            raise ValueError("an operation id consists of letters, digits, - and _")
        answer = self._transport.send(
            Call(
                "POST",
                "/campaigns",
                content=_content(name=name, sequenceSteps=_steps(steps)),
                headers={**_JSON, "Idempotency-Key": operation},
                repeatable=False,
                aftermath="A draft may exist in Leadterra now; it has no leads and emails nobody.",
            )
        )
        created = wire.campaign(answer)
        if created.status not in {None, "draft"}:
            status = self._transport.redactor.text(created.status or "")
            raise answer.unclear(f"the new campaign {created.id} is not a draft but {status!r}")
        return created

    def update(self, campaign_id: str, name: str, steps: Sequence[SequenceStep]) -> RemoteCampaign:
        """Change a draft; raises `CallMissingError` where the server has no such call (undocumented)."""
        answer = self._transport.send(
            Call(
                "PATCH",
                _path(campaign_id),
                content=_content(name=name, sequenceSteps=_steps(steps)),
                headers=_JSON,
                undocumented=True,
                aftermath=f"The draft may have been changed. {_AGAIN}",
            )
        )
        return wire.campaign(answer, asked=campaign_id)

    def enroll(self, campaign_id: str, leads: Sequence[Lead], *, again: Callable[[], None] | None = None) -> Enrolment:
        """Enrol one batch. Repeating it enrols nobody twice: leads are matched by address.

        Raises `LeadsRefusedError` where some of them are not accepted: then none is enrolled.
        """
        answer = self._transport.send(
            Call(
                "POST",
                _path(campaign_id, "leads/bulk"),
                content=_content(leads=[{**lead.fields, "email": lead.email} for lead in leads]),
                headers=_JSON,
                private=True,
                leads=leads,
                aftermath=f"Some or all of these {len(leads)} leads may be enrolled now. {_AGAIN}",
                again=again,
            )
        )
        return wire.enrolment(answer, sent=len(leads))

    def start(self, campaign_id: str, *, again: Callable[[], None] | None = None) -> Started:
        """Start or resume. Once it may have been carried out it is not repeated: somebody may have paused since."""
        aftermath = "The campaign may be running now: look it up before anything else is done with it."
        call = Call("POST", _path(campaign_id, "start"), aftermath=aftermath, repeatable=False, again=again)
        answer = self._transport.send(call)
        return wire.started(answer, asked=campaign_id)

    def pause(self, campaign_id: str) -> RemoteCampaign:
        """Pause. On a draft or a paused campaign it changes nothing, so it may be repeated.

        A run that is told to end still finishes its pauses.
        """
        aftermath = f"The campaign may still be running. {_AGAIN}"
        answer = self._transport.send(Call("POST", _path(campaign_id, "pause"), aftermath=aftermath, urgent=True))
        return wire.campaign(answer, asked=campaign_id)

    def suppress(self, addresses: Sequence[str]) -> None:
        """Put addresses on the suppression list, `MOST_SUPPRESSED` at most; repeating it changes nothing."""
        if len(addresses) > MOST_SUPPRESSED:
            raise ValueError(f"at most {MOST_SUPPRESSED} addresses a call")
        answer = self._transport.send(
            Call(
                "POST",
                "/suppression-list",
                content=_content(emails=list(addresses)),
                headers=_JSON,
                private=True,
                aftermath=f"Some or all of these {len(addresses)} addresses may be suppressed now. {_AGAIN}",
            )
        )
        wire.suppression(answer)

    def _read_all(
        self,
        path: str,
        containers: Sequence[str],
        what: str,
        parse: Callable[[Answer, Any], _Item],
        *,
        undocumented: bool = False,
    ) -> tuple[_Item, ...]:
        """Read a list to its end. A list that cannot be read to its end is an error, never a shorter list."""
        found: dict[str, _Item] = {}
        number = 1
        while True:
            query = "" if number == 1 else f"?page={number}"
            answer = self._transport.send(Call("GET", path + query, undocumented=undocumented))
            page = wire.page(answer, containers, what)
            items = {item.id: item for item in (parse(answer, entry) for entry in page.items)}
            if len(items) != len(page.items) or items.keys() & found.keys() or page.page not in {None, number}:
                raise answer.unclear(f"the list of {what} repeats itself", hint=_CHANGED)
            found |= items
            total = len(found) if page.total is None and number == 1 else page.total
            if len(found) == total:
                return tuple(found.values())
            if total is None or len(found) > total or not items or number == MOST_PAGES:
                told = f"{len(found)} of {'an unknown number' if total is None else total} in {number} pages"
                raise answer.unclear(f"the list of {what} is not complete: {told}", hint=_CHANGED)
            number += 1


_CHANGED = "It may have changed while it was being read; run the same command again."


def _path(campaign_id: str, rest: str = "") -> str:
    return f"/campaigns/{_checked(campaign_id)}" + (f"/{rest}" if rest else "")


def _checked(campaign_id: str) -> str:
    """Return the id, which needs no escaping; raises `ApiError` for anything else."""
    if not wire.CAMPAIGN_ID.fullmatch(campaign_id):
        shown = Redactor("").text(campaign_id)
        hint = "Ids look like camp_8Xk2: letters, digits, - and _ only. Nothing was sent."
        raise ApiError(error("api-campaign-id", f"{shown!r} is not the id of a campaign.", hint=hint), sent=False)
    return campaign_id


def _steps(steps: Sequence[SequenceStep]) -> list[dict[str, Any]]:
    return [{"subject": step.subject, "bodyHtml": step.body_html, "delayDays": step.delay_days} for step in steps]


def _content(**body: object) -> bytes:
    return json.dumps(body, allow_nan=False).encode()
