"""The one way from the files under `specs/` to what is wanted, with everything that is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.diagnostics import Diagnostic, has_errors
from reconciler.loading import bodies, files
from reconciler.loading.campaigns import Draft, check, compare
from reconciler.loading.leads import LeadFinder
from reconciler.loading.templates import Worker
from reconciler.loading.workspace import Workspace, load_workspace
from reconciler.loading.yamlmarks import Document, parse
from reconciler.model.campaign import Campaign, Leads, Status
from reconciler.model.workspace import DEFAULT_WORKSPACE, Desired

_NEEDS_WORKER = (bodies.DELIMITER, "bodyTemplate")


@dataclass(frozen=True)
class Loaded:
    """What was read. `desired` is None where there are errors; `diagnostics` are sorted by place.

    `campaigns` are those without an error of their own, so that their lists can be checked whatever is wrong elsewhere.

    `root` is the repository's, which the files of all diagnostics are relative to; `lineage` is what `workspace.yaml`
    says about the state, and `workspace` its name, known even where campaigns have errors.
    """

    desired: Desired | None
    diagnostics: tuple[Diagnostic, ...]
    campaigns: tuple[Campaign, ...]
    root: Path
    lineage: str | None = None
    workspace: str = DEFAULT_WORKSPACE


def load(
    specs: Path,
    *,
    environment: str | None = None,
    leads_dir: Path | None = None,
    version: str,
) -> Loaded:
    """Read everything under `specs`, offline, and tell all that is wrong at once; never raises for what files hold.

    `environment` is chosen from `workspace.yaml` (None: none); `leads_dir` is where `leads:NAME` lists are (None: not
    at hand); `version` is this program's, for `requiresVersion`. The result does not depend on the order of files.
    """
    found = files.find(specs)
    problems = list(found.diagnostics)
    with Worker(found.root, found.name("templates")) as worker:
        written = _document(found, found.workspace, problems, worker) if found.workspace else None
        workspace = load_workspace(written, environment=environment, version=version)
        if found.workspace and written is None:
            workspace.sound = False
            workspace.diagnostics.clear()  # a file that cannot be read has no environments to choose from
        documents = [_document(found, name, problems, worker) for name in found.campaigns]
        drafts = [check(document, workspace) for document in documents if document is not None]
        compare(drafts)
        emails = bodies.render(drafts, root=found.root, worker=worker)
    finder = LeadFinder(found.root, leads_dir, people_in_git=workspace.policy.leads_in_git == "allow")
    campaigns = [campaign for draft in drafts if (campaign := _campaign(draft, emails, finder)) is not None]
    problems += workspace.diagnostics
    problems += emails.diagnostics
    problems += [item for draft in drafts for item in draft.diagnostics]
    desired = None if has_errors(problems) else _desired(workspace, campaigns)
    if desired is not None and len(campaigns) != len(found.campaigns):
        # A campaign that is lost silently would be taken for one whose file went away.
        raise AssertionError("a campaign file gave neither a campaign nor an error")
    diagnostics = tuple(sorted(dict.fromkeys(problems), key=lambda item: item.order))
    return Loaded(
        desired=desired,
        diagnostics=diagnostics,
        campaigns=tuple(campaigns),
        root=found.root,
        lineage=workspace.lineage,
        workspace=workspace.name,
    )


def _document(found: files.SpecFiles, name: str, problems: list[Diagnostic], worker: Worker) -> Document | None:
    text = files.read(found, name)
    if isinstance(text, Diagnostic):
        problems.append(text)
        return None
    if any(part in text for part in _NEEDS_WORKER):
        worker.start()  # it gets ready while the other files are read
    document, told = parse(text, name)
    problems.extend(told)
    return document


def _desired(workspace: Workspace, campaigns: Sequence[Campaign]) -> Desired:
    return Desired(
        workspace=workspace.name,
        environment=workspace.environment,
        lineage=workspace.lineage,
        policy=workspace.policy,
        campaigns=tuple(sorted(campaigns, key=lambda item: item.key)),
        allow=workspace.allow,
    )


def _campaign(draft: Draft, emails: bodies.Emails, finder: LeadFinder) -> Campaign | None:
    """Return the campaign as wanted, or None where something about it is wrong (and told)."""
    written = draft.written
    leads = _leads(draft, finder)
    if written is None or isinstance(leads, Diagnostic) or draft.file not in emails.steps:
        if isinstance(leads, Diagnostic):
            draft.diagnostics.append(leads)
        return None
    return Campaign(
        key=written.key,
        name=written.name,
        status=Status(written.status),
        owner=written.owner,
        labels=written.labels,
        steps=emails.steps[draft.file],
        leads=leads,
        minimum_leads=written.start.minimum_leads,
        not_before=draft.not_before,
        first_step_within_days=written.start.first_step_within_days,
        priority=written.start.priority,
        per_day=written.start.per_day,
        first_wave=written.start.first_wave,
        protect=written.protect,
        moved_from=written.moved.from_ if written.moved else None,
        file=draft.file,
        line=draft.line,
        step_lines=tuple(_step_line(draft, number) for number in range(len(written.sequence_steps))),
        sources=emails.sources[draft.file],
        own_sources=emails.own_sources[draft.file],
    )


def _step_line(draft: Draft, number: int) -> int:
    """Return the line of a step; where the steps come from `workspace.yaml`, the campaign's own."""
    path = ("sequenceSteps", number)
    layer = draft.layers.source(path)
    return (layer.place(path).line or draft.line) if layer is draft.own else draft.line


def _leads(draft: Draft, finder: LeadFinder) -> Leads | Diagnostic | None:
    if draft.written is None or draft.written.leads is None:
        return None
    layer = draft.layers.source(("leads", "source"))
    found = finder.find(
        draft.written.leads,
        place=layer.key_place(("leads",)),
        source_place=layer.place(("leads", "source")),
        where_place=draft.layers.place(("leads", "where")),
    )
    if isinstance(found, Diagnostic) and found.file == draft.file:
        return found.model_copy(update={"campaign": draft.key})
    return found
