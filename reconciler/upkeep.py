"""What is done to the state itself, beside planning and applying: made, bound anew, given campaigns, rid of people."""

from collections.abc import Callable, Mapping, Sequence

from reconciler import wiring
from reconciler.diagnostics import ApiError, Interrupted, ReconcilerError, StateError, error
from reconciler.execution import importing, preflight, transitions
from reconciler.execution.reading import Reader, read_live
from reconciler.execution.settling import addresses_of, doubtful
from reconciler.leads.erasing import Eraser, Found
from reconciler.leads.ledger import address_hash, read_segments
from reconciler.leadterra.client import MOST_SUPPRESSED
from reconciler.loading.lineage import Kept, lost, read_kept, read_lineage, with_lineage, write_workspace
from reconciler.model.intents import EnrollIntent
from reconciler.model.live import Capabilities, Live
from reconciler.model.state import Binding, CampaignState, State, dump_steps
from reconciler.model.workspace import StateFile
from reconciler.planning.targets import nearest
from reconciler.ports import Swept, chunks, update_state
from reconciler.session import Session


def may_have_lost_a_state(session: Session) -> bool:
    """Whether an environment without a state could have had one: a lineage is committed, by whichever made it."""
    lineage = None if session.place.sandbox else read_lineage(session.place.workspace)
    return lineage is not None and session.place.environment is not None


def create_state(session: Session, *, by: str, kept: Kept | None = None) -> tuple[str, ...]:
    """Create the state of this place and write its lineage into workspace.yaml; return what to tell.

    `kept` is where it is to be kept, and is written down as well; by default it is where workspace.yaml says.
    A lineage that is committed already means that there was a state: raises `StateError`, since a new one would
    not know who was written to. A further environment gets a state of the same lineage.
    """
    if session.place.sandbox:
        session.store.read()
        return ("The sandbox has its state; it is made by itself.",)
    workspace = session.place.workspace
    lineage = read_lineage(workspace)
    if lineage is not None and session.place.environment is None:
        try:
            session.store.read()
        except StateError as problem:
            if problem.diagnostics[0].code == "state-missing":
                raise StateError(lost(lineage, None)) from problem
            raise
    kept = kept or read_kept(workspace)
    state = wiring.new_state(session.place, session.settings, lineage)
    written = with_lineage(workspace, state.lineage, **_unsaid(kept)) if lineage is None else None
    session.store = wiring.open_store(session.place, session.settings, kept)
    session.store.create(state, by=by)
    told = [f"Created the state {state.lineage} in {wiring.where(session.place, kept)}."]
    if written is not None:
        write_workspace(workspace, written)
        told.append(f"Wrote its lineage into {workspace}: commit it.")
    if state.ledger_key is not None:
        readers = ", for whoever may read the repository" if kept.state.backend == "git" else ""
        elsewhere = "to keep the key elsewhere, set RECONCILER_LEDGER_KEY beforehand"
        told.append(f"Its ledger key is kept in it{readers}; {elsewhere}.")
    return tuple(told)


def suppress(session: Session, addresses: Sequence[str], *, by: str, told: Callable[[str], None]) -> int:
    """Put addresses on the suppression list for good, and keep their hashes; return how many were not known here.

    The hashes come first: whatever happens to the calls, no list brings these people back, and the same command
    finishes the rest. It needs no lock, as it can only keep email from people, and no valid files.
    """
    state = session.store.read()
    address, kind = wiring.server_address(session.place, session.settings)
    preflight.check_binding(state, address, kind, Live(campaigns={}))
    key = wiring.ledger_key(state, session.settings)
    there = frozenset(read_segments(session.store.get_blob(name) for name in state.suppressed))
    new = sorted({address_hash(key, item) for item in addresses} - there)
    if new:
        name = session.store.put_blob(doubtful(new))
        words = f"suppressed {len(new):,} {'address' if len(new) == 1 else 'addresses'}"
        update_state(
            session.store, lambda newest: transitions.suppressed(newest, name), by=by, at=session.clock(), what=words
        )
    done = 0
    with session.open_api(allow_writes=True) as api:
        for part in chunks(addresses, MOST_SUPPRESSED):
            try:
                api.suppress(part)
            except (ApiError, Interrupted) as failure:
                words = f"{done:,} of {len(addresses):,} addresses are on Leadterra's suppression list"
                hint = "No list of this repository brings any of them back. Give the same addresses again."
                found = failure.diagnostics if isinstance(failure, ApiError) else ()
                raise ReconcilerError(*found, error("suppress-rest", words, hint=hint)) from failure
            done += len(part)
            if done < len(addresses):
                told(f"{done:,} of {len(addresses):,} suppressed")
    return len(new)


def find_people(session: Session, addresses: Sequence[str]) -> tuple[Found, Mapping[str, int | None]]:
    """Return what the state knows of people, and how many of them are on each list of today's files.

    By key of its campaign; None where the list cannot be read now. A list without any of them is left out. Campaigns
    whose files are wrong have no list.
    """
    state = session.store.read()
    key = wiring.ledger_key(state, session.settings)
    people = frozenset(address_hash(key, address) for address in addresses)
    found = Eraser(people, session.store.get_blob, session.store.put_blob).search(state)
    leads = wiring.open_leads(session.place, key, session.store.get_blob, session.loaded.root)
    lists: dict[str, int | None] = {}
    for campaign in session.loaded.campaigns:
        if campaign.leads is None:
            continue
        try:
            roster = leads.roster(campaign, None)
            listed = len(people) - len(roster.hashes.missing(sorted(people))) if roster.at_hand else None
        except OSError:
            listed = None
        if listed != 0:
            lists[campaign.key] = listed
    return found, lists


def erase(session: Session, addresses: Sequence[str], *, by: str, forget_history: bool) -> tuple[Found, Swept]:
    """Take people out of the state for good; return what it had of them, and what was removed with that.

    First the new ledgers, then one record that names them, then the blobs that are left over: killed in between, the
    same command removes these.
    """
    key = wiring.ledger_key(session.store.read(), session.settings)
    people = frozenset(address_hash(key, address) for address in addresses)
    eraser = Eraser(people, session.store.get_blob, session.store.put_blob)
    found = Found()

    def without(state: State) -> State:
        nonlocal found
        found = eraser.search(state)
        return eraser.on(state)

    with session.lease(by) as lease:
        words = f"erased {len(people):,} {'person' if len(people) == 1 else 'people'}"
        update_state(session.store, without, by=by, at=session.clock(), what=words, fence=lease.fence)
        return found, session.store.sweep(fence=lease.fence, forget_history=forget_history)


def server_now(session: Session) -> Binding:
    """Return what the present environment variables lead to: the server, the kind of key and its pools."""
    address, kind = wiring.server_address(session.place, session.settings)
    with session.open_api(allow_writes=False) as api:
        pools = api.sender_pools()
    return Binding(address=address, key_kind=kind, pools=tuple(sorted(pool.id for pool in pools)))


def rebind(session: Session, binding: Binding, *, owner: str) -> None:
    """Bind the state to another server, key kind and pools; what was learned of the former one is forgotten."""
    with session.lease(owner) as lease:
        update_state(
            session.store,
            lambda state: state.model_copy(update={"binding": binding, "capabilities": Capabilities()}),
            by=owner,
            at=session.clock(),
            what=f"bound to {binding.address} ({binding.key_kind})",
            fence=lease.fence,
        )


def import_campaign(
    session: Session, key: str, campaign_id: str, *, owner: str
) -> tuple[CampaignState, tuple[str, ...]]:
    """Start managing a campaign that exists, or take a managed one as it is now; return it and what to tell.

    Raises `ReconcilerError` where the key has no file, the id is managed under another key, or it cannot be read.
    """
    campaign = session.desired.campaign(key)
    if campaign is None:
        hint = nearest(key, [item.key for item in session.desired.campaigns]) or "write its file first"
        raise ReconcilerError(error("import-key", f"no file below {session.place.specs} has the key {key}", hint=hint))
    with session.lease(owner) as lease:
        state = session.read_state()
        importing.check_free(state, key, campaign_id)
        entry = importing.entry_of(state, campaign, campaign_id)
        address, kind = wiring.server_address(session.place, session.settings)
        preflight.check_binding(state, address, kind, Live(campaigns={}))
        with session.api_for(allow_writes=False, desired=session.desired) as api:
            live = read_live(Reader(api, state.capabilities), api, state, {key: entry})
        binding = preflight.check_binding(state, address, kind, live)
        if live.pools is None:
            words = f"{campaign_id} was not imported: it is not known which workspace this is; {live.problems[0]}"
            raise ReconcilerError(error("import-unread", words))
        imported, steps, told = importing.take_over(campaign, entry, live.campaigns[key], session.clock())
        session.store.put_blob(dump_steps(steps))
        imported = _with_people_in_flight(session, state, key, imported)
        learned = {"binding": binding, "capabilities": live.capabilities}
        update_state(
            session.store,
            lambda newest: transitions.imported(newest.model_copy(update=learned), key, imported),
            by=owner,
            at=session.clock(),
            what=f"{key} imported as {campaign_id}",
            fence=lease.fence,
        )
    return imported, told


def _unsaid(kept: Kept) -> dict[str, str]:
    """Return what workspace.yaml does not say yet, and would be taken to be otherwise."""
    if kept.settled or kept.state.backend == "local":
        return {}
    remote = {} if kept.state.remote == StateFile().remote else {"remote": kept.state.remote}
    return {"backend": kept.state.backend, **remote}


def _with_people_in_flight(session: Session, state: State, key: str, entry: CampaignState) -> CampaignState:
    """Keep whom an interrupted run was enrolling: they may be in the campaign, and are brought up to date next."""
    for intent in state.open_for(key).values():
        if isinstance(intent, EnrollIntent) and intent.id == entry.id:
            segment = doubtful(addresses_of(session.store.get_blob(intent.segment)))
            entry = entry.model_copy(update={"ledger": (*entry.ledger, session.store.put_blob(segment))})
    return entry
