"""One campaign file, checked: with what `workspace.yaml` lays under and over it, but not rendered yet."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from reconciler.diagnostics import Diagnostic, SourceRange, error, warning
from reconciler.loading.layers import Layer, Layers
from reconciler.loading.shape import campaign_shape, without_extensions
from reconciler.loading.words import clipped, inexact_numbers, told
from reconciler.loading.workspace import Workspace, find_zone
from reconciler.loading.yamlmarks import Document, Path
from reconciler.model.base import digest
from reconciler.model.campaign import CampaignFile
from reconciler.tokens import is_visible

_EMAIL_KEYS = ("sequenceSteps", "variables")
_YEARS = range(2000, 2200)

MOST_VARIABLES = 1_000
"""A campaign with more variables is refused: looking each of them up in every email takes its time."""


@dataclass
class Draft:
    """A campaign on its way. `written` is None where it is not valid; `key` is what its file says, valid or not."""

    own: Layer
    layers: Layers
    key: str | None = None
    written: CampaignFile | None = None
    not_before: datetime | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)

    @property
    def file(self) -> str:
        """Name of the campaign's own file."""
        return self.own.document.file

    @property
    def line(self) -> int:
        """Line that tells what the campaign should be: its `status`, or else its `key`."""
        path: Path = ("status",) if self.own.has(("status",)) else ("key",)
        return self.own.key_place(path).line or 1

    def tell(self, code: str, message: str, *, hint: str | None = None, at: SourceRange) -> None:
        """Keep an error. One that stands in a file that others share is not this campaign's alone."""
        campaign = self.key if at.file == self.file else None
        self.diagnostics.append(error(code, message, hint=hint, at=at, campaign=campaign))

    def own_digest(self) -> str:
        """Digest of what the campaign's own file says about its emails."""
        return digest({key: self.own.data.get(key) for key in _EMAIL_KEYS})

    def shared_digest(self) -> str | None:
        """Digest of what `workspace.yaml` adds to its emails; None where that is nothing."""
        shared = [
            {key: layer.data[key] for key in _EMAIL_KEYS if key in layer.data}
            for layer in self.layers.layers
            if layer is not self.own
        ]
        return digest(shared) if any(shared) else None


def check(document: Document, workspace: Workspace) -> Draft:
    """Check one campaign file as far as it can be checked by itself."""
    if not isinstance(document.data, dict):
        layer = Layer(document, {})
        draft = Draft(layer, Layers([layer]))
        content = "is empty" if document.data is None else "holds no mapping"
        hint = "Write lines of `key: value`; `reconciler new KEY` makes a first draft."
        place = SourceRange(file=document.file, line=1, column=1)
        draft.tell("not-a-mapping", f"The file {content}.", hint=hint, at=place)
        return draft
    own = Layer(document, without_extensions(document.data, campaign_shape()))
    base = Layers([workspace.defaults, own] if workspace.defaults and workspace.defaults.data else [own])
    layers = Layers([*base.layers, workspace.overrides]) if workspace.overrides and workspace.overrides.data else base
    key = own.data.get("key")
    draft = Draft(own, layers, key=key if isinstance(key, str) else None)
    if not workspace.sound:
        _validated(Layers([own]), draft, partial=True)
        return draft
    written = _validated(base, draft)
    if layers is not base and written is not None:
        written = _validated(layers, draft)
    if written is not None and _variables_are_few(draft, written):
        draft.written = written
        draft.diagnostics.extend(inexact_numbers(own, campaign=draft.key))
        _check_readiness(draft, written)
        _check_fallbacks(draft, written)
        _check_not_before(draft, written, workspace.policy.timezone)
        _check_pacing(draft, written)
    return draft


def compare(drafts: Sequence[Draft]) -> None:
    """Check what concerns several files: one key twice, renames that do not fit together."""
    by_key: dict[str, Draft] = {}
    by_former: dict[str, Draft] = {}
    for draft in drafts:
        if draft.key is None:
            continue
        first = by_key.setdefault(draft.key, draft)
        if first is not draft:
            place = first.own.place(("key",)).file, first.own.place(("key",)).line
            message = f"The key `{clipped(draft.key)}` is taken by {place[0]}:{place[1]}."
            hint = "A key is one campaign's identity: choose another one here."
            draft.tell("duplicate-campaign", message, hint=hint, at=draft.own.place(("key",)))
    for draft in drafts:
        moved: Any = draft.own.data.get("moved")
        former = moved.get("from") if isinstance(moved, dict) else None
        if not isinstance(former, str):
            continue
        at = draft.own.place(("moved", "from"))
        first = by_former.setdefault(former, draft)
        if former == draft.key:
            message = f"`moved.from` is the campaign's own key, `{clipped(former)}`."
            draft.tell("moved", message, hint="Name the key it had before, or remove `moved`.", at=at)
        elif former in by_key:
            message = f"`{clipped(former)}` cannot have moved here: {by_key[former].file} still has that key."
            draft.tell("moved", message, hint="Remove that file, or remove `moved`.", at=at)
        elif first is not draft:
            message = f"`{clipped(former)}` moved to {first.file} already; it cannot move to two places."
            draft.tell("moved", message, hint="Keep `moved` in one of them.", at=at)


def _validated(layers: Layers, draft: Draft, *, partial: bool = False) -> CampaignFile | None:
    data = layers.merged
    leads = data.get("leads")
    if isinstance(leads, dict) and "source" not in leads and not draft.own.has(("leads",)):
        # Shared columns and fallbacks are no list: a campaign that names none has none.
        data = {key: value for key, value in data.items() if key != "leads"}
    try:
        return CampaignFile.model_validate(data)
    except ValidationError as problem:
        draft.diagnostics.extend(
            item if item.file == draft.file else item.model_copy(update={"campaign": None})
            for item in told(problem, layers.source, campaign_shape(), partial=partial, campaign=draft.key)
        )
    return None


def _variables_are_few(draft: Draft, written: CampaignFile) -> bool:
    many = len(written.variables)
    if many <= MOST_VARIABLES:
        return True
    message = f"There are {many:,} variables; a campaign has at most {MOST_VARIABLES:,}."
    hint = "Take out those that no email uses."
    draft.tell("too-many-variables", message, hint=hint, at=draft.layers.place(("variables",)))
    return False


def _check_readiness(draft: Draft, written: CampaignFile) -> None:
    if written.status != "running":
        return
    at = draft.own.place(("status",) if draft.own.has(("status",)) else ("key",))
    if not written.sequence_steps:
        hint = "Add `sequenceSteps`, or set `status: draft`."
        draft.tell("no-steps", "A running campaign needs at least one step.", hint=hint, at=at)
    if written.leads is None:
        hint = "Add `leads` with a `source`, or set `status: draft`."
        draft.tell("no-leads", "A running campaign needs leads.", hint=hint, at=at)


def _check_pacing(draft: Draft, written: CampaignFile) -> None:
    if written.start.first_wave is not None and written.start.per_day is None:
        message = "`start.firstWave` has no `start.perDay`: there is no second wave."
        hint = "Add `perDay`, or take `firstWave` out."
        draft.tell("pacing", message, hint=hint, at=draft.layers.place(("start", "firstWave")))


def _check_fallbacks(draft: Draft, written: CampaignFile) -> None:
    """Tell blank fallbacks, but for those that take one away which `workspace.yaml` lays under or over the campaign."""
    for name, text in written.leads.fallbacks.items() if written.leads else ():
        path = ("leads", "fallbacks", name)
        if is_visible(text) or sum(layer.has(path) for layer in draft.layers.layers) > 1:
            continue
        at = draft.layers.place(path)
        message = f"The fallback for `{clipped(name)}` is blank, which does nothing: a blank value stays blank."
        campaign = draft.key if at.file == draft.file else None
        draft.diagnostics.append(
            warning("blank-fallback", message, hint="Write a text, or take it out.", at=at, campaign=campaign)
        )


def _check_not_before(draft: Draft, written: CampaignFile, timezone: str) -> None:
    text = written.start.not_before
    zone = find_zone(timezone)
    if text is None or zone is None:
        return
    at = draft.layers.place(("start", "notBefore"))
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        message = f"`start.notBefore` is no time: `{clipped(text)}`."
        draft.tell("wrong-value", message, hint="Write it like 2026-12-01T09:00.", at=at)
        return
    if time.year not in _YEARS:
        message = f"`start.notBefore` is in the year {time.year}."
        draft.tell("wrong-value", message, hint="Write it like 2026-12-01T09:00.", at=at)
        return
    draft.not_before = time.replace(tzinfo=zone) if time.tzinfo is None else time.astimezone(zone)
