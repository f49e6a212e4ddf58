"""Drafts: created, changed, or replaced by new ones. Nobody is contacted by any of it."""

from functools import partial

from reconciler.diagnostics import ApiError, CallMissingError, Interrupted
from reconciler.execution import transitions
from reconciler.execution.reading import made_since
from reconciler.execution.settling import orphan
from reconciler.execution.tools import NotReadyError, Tools
from reconciler.execution.work import Work, result
from reconciler.model.campaign import SequenceStep, Status, steps_digest
from reconciler.model.intents import CreateIntent, UpdateIntent
from reconciler.model.live import LiveStatus, RemoteCampaign
from reconciler.model.plan import Action, Kind
from reconciler.model.report import ActionResult, Outcome
from reconciler.model.state import CampaignState, Leftover, dump_steps


def create(work: Work, action: Action) -> ActionResult:
    """Create the draft of a campaign that is not there."""
    entry = _new_draft(work, instead_of=None)
    return result(action, Outcome.DONE, f"draft {entry.id}")


def replace(work: Work, action: Action) -> ActionResult:
    """Create a new draft that takes over from one that cannot be changed, or holds people it should not."""
    tools, old = work.tools, work.known()
    live = tools.reader.campaign(old)
    if live.status is not LiveStatus.DRAFT:
        words = live.problem or f"it was a draft when this was planned and is {live.status.value} now"
        raise NotReadyError(Outcome.HELD, words)
    entry = _new_draft(work, instead_of=old)
    work.roster = tools.leads.roster(work.wanted, entry, work.avoid) if work.wanted.leads else work.roster
    words = f"new draft {entry.id}; the old one, {old.id}, cannot be deleted by API and stays in Leadterra"
    return result(action, Outcome.DONE, words).model_copy(update={"kind": Kind.REPLACE})


def update(work: Work, action: Action) -> ActionResult:
    """Change a draft; where this server has no such call, a new draft takes over."""
    campaign, tools = work.wanted, work.tools
    reader, known = tools.reader, work.known()
    if reader.capabilities.patch_campaign is False:
        return replace(work, action)
    digest = tools.keep(dump_steps(campaign.steps))
    intent = UpdateIntent(
        campaign=work.key, at=tools.clock(), by=tools.by, id=known.id, name=campaign.name, steps=digest
    )
    try:
        tools.ask(intent, lambda _operation: tools.api.update(known.id, campaign.name, campaign.steps))
    except CallMissingError:
        reader.learn(patch_campaign=False)
        tools.change(lambda state: state.model_copy(update={"capabilities": reader.capabilities}))
        return replace(work, action)
    work.called = "the draft was changed"
    reader.learn(patch_campaign=True)
    tools.change(
        lambda state: transitions.updated(state, work.key, campaign, reader.capabilities),
        what=f"{work.key} updated",
    )
    _read_back(work, known.id)
    return result(action, Outcome.DONE, "as its file says")


def _new_draft(work: Work, *, instead_of: CampaignState | None) -> CampaignState:
    """Create a draft and manage it.

    An intent of the same content that is still open is tried again under its id: a server that honours
    `Idempotency-Key` then answers with the draft it made before. Unless its age shows that this is so, a draft of the
    first try may be left over, and is kept in mind.
    """
    campaign, tools = work.wanted, work.tools
    digest = tools.keep(dump_steps(campaign.steps))
    replaces = None if instead_of is None else instead_of.id
    intent = CreateIntent(
        campaign=work.key,
        at=tools.clock(),
        by=tools.by,
        name=campaign.name,
        steps=digest,
        sources=campaign.sources,
        replaces=replaces,
    )
    before = _tried_before(work, intent)
    operation, remote = tools.ask(
        intent,
        lambda operation: tools.api.create(campaign.name, campaign.steps, operation=operation),
        operation=before[0] if before else None,
    )
    work.called = f"the draft {remote.id} was created"
    entry = CampaignState(
        id=remote.id,
        name=campaign.name,
        file=campaign.file,
        status="draft",
        protect=campaign.protect,
        steps_digest=digest,
        read_back_digest=_shown(work, remote, digest),
        sources=campaign.sources,
    )
    left = []
    if instead_of is not None:
        why = f"replaced by {entry.id}"
        left += [Leftover(campaign=work.key, id=instead_of.id, name=instead_of.name, at=tools.clock(), reason=why)]
    if before and made_since(intent, remote.created_at):
        left += [orphan(before[1])]
    tools.change(
        lambda state: transitions.created(state, work.key, entry, operation, leaving=tuple(left)),
        what=f"{work.key} created as {entry.id}" + (f", instead of {replaces}" if replaces else ""),
    )
    if entry.read_back_digest is None:
        _read_back(work, entry.id)
    return entry


def _tried_before(work: Work, intent: CreateIntent) -> tuple[str, CreateIntent] | None:
    """Return an open intent of the same content, with its operation.

    An `Idempotency-Key` is used again only for the identical body (design §6).
    """
    for operation, before in work.tools.keeper.latest.open_for(work.key).items():
        if isinstance(before, CreateIntent) and _content(before) == _content(intent):
            return operation, before
    return None


def _content(intent: CreateIntent) -> tuple[str, str, str | None]:
    return intent.name, intent.steps, intent.replaces


def _shown(work: Work, remote: RemoteCampaign, digest: str) -> str | None:
    """Return the digest of the steps as the answer to the creation shows them; None where it does not."""
    if remote.steps is None or work.tools.reader.capabilities.get_campaign is not True:
        return None
    if steps_digest(remote.steps) == digest:
        return digest
    return work.tools.keep(dump_steps(remote.steps))


def _read_back(work: Work, campaign_id: str) -> None:
    """Keep the steps as the server shows them after a write that is written down already.

    Without it they are compared with what was sent. The checks before a start compare with it; where no start is to
    come, it is left to the end of the run.
    """
    if work.wanted.status is not Status.RUNNING:
        work.tools.unread.append((work.key, campaign_id))
        return
    try:
        shown = work.tools.reader.show(campaign_id)
    except (ApiError, Interrupted):
        return
    if shown is not None and shown.steps is not None:
        digest = _kept(work.tools, work.known(), shown.steps)
        work.tools.change(partial(transitions.read_back, digests={work.key: digest}))


def read_back(tools: Tools) -> None:
    """Keep the steps of all drafts that were written, as the server shows them; with one record."""
    if not tools.unread or tools.halted.is_set():
        return
    try:
        shown = tools.reader.show_many([campaign_id for _, campaign_id in tools.unread])
    except Interrupted:
        return
    entries = tools.keeper.latest.campaigns
    digests = {
        key: _kept(tools, entries[key], steps)
        for key, campaign_id in tools.unread
        if campaign_id in shown and (steps := shown[campaign_id].steps) is not None
    }
    tools.change(partial(transitions.read_back, digests=digests))


def _kept(tools: Tools, entry: CampaignState, steps: tuple[SequenceStep, ...]) -> str:
    """Return the digest of the steps that the server shows; they are stored where they are not those that were sent."""
    digest = steps_digest(steps)
    return digest if digest == entry.steps_digest else tools.keep(dump_steps(steps))
