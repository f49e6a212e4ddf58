from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.commands.common import (
    commit_of,
    place_options,
    say,
    say_at_times,
    settings,
    show_diagnostics,
    target_option,
)
from reconciler.commands.exits import OK
from reconciler.diagnostics import Diagnostic, ReconcilerError, SpecError, has_errors, note
from reconciler.wiring import Place

if TYPE_CHECKING:
    from reconciler.model.campaign import Campaign, SequenceStep
    from reconciler.ports import LeadSource
    from reconciler.reporting.previewcampaign import Shown
    from reconciler.reporting.previewpage import Preview
    from reconciler.reporting.readers import Readers
    from reconciler.session import Planned, Session


@click.command("preview")
@place_options
@target_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("preview.html"),
    show_default=True,
    metavar="FILE",
    help="Where to write the page.",
)
@click.option(
    "--no-refresh", is_flag=True, help="Do not ask Leadterra; take what was last written as live. No key needed."
)
@click.option("--leads", "real", is_flag=True, help="Show real people of the lists: the page then holds their data.")
def command(place: Place, targets: tuple[str, ...], out: Path, *, no_refresh: bool, real: bool) -> int:
    """Write one HTML page: every email as its readers get it, and what an apply would do. Changes nothing.

    What is wrong is shown on the page and ends nothing. Without a plan the page is made from the files alone.
    """
    from reconciler.reporting.previewpage import render_preview
    from reconciler.reporting.words import count
    from reconciler.session import Session
    from reconciler.store.output import write_output

    session = Session(place, settings(), told=say_at_times())
    if not place.specs.is_dir():
        raise SpecError(*session.loaded.diagnostics)
    preview = _gathered(session, targets, refresh=not no_refresh, real=real)
    write_output(out, render_preview(preview), what="the page")
    show_diagnostics(dict.fromkeys(item for item in (*preview.problems, *preview.missing) if item is not _INVALID))
    if preview.real:
        say(f"{out} shows real people of your lists: keep it out of git, of pull requests, of pipelines.")
    amount = f"{count(len(preview.campaigns), 'campaign')}, {count(preview.emails, 'email')}"
    click.echo(f"Written to {out}: {amount}.")
    return OK


def _gathered(session: "Session", targets: Sequence[str], *, refresh: bool, real: bool) -> "Preview":
    """Read what there is: the files in any case, and the plan where one can be made."""
    from reconciler.reporting.previewpage import Preview
    from reconciler.wiring import now

    planned: Planned | None = None
    problems: tuple[Diagnostic, ...] = ()
    missing: tuple[Diagnostic, ...] = ()
    try:
        planned = session.plan(refresh=refresh, targets=targets)
    except SpecError as problem:
        problems, missing = tuple(problem.diagnostics), (_INVALID,)
    except ReconcilerError as problem:
        if any(item.code == "target" for item in problem.diagnostics):
            raise
        problems, missing = session.validate(), tuple(problem.diagnostics)
    if planned is not None:
        plan = planned.plan
        leads = planned.leads if real else None
        campaigns = tuple(_planned(planned, leads))
        at, timezone, problems = plan.created_at, plan.timezone, plan.diagnostics
    else:
        plan, at = None, now()
        leads = session.open_leads() if real else None
        campaigns = tuple(_unplanned(session, targets, problems, leads))
        timezone = session.loaded.desired.policy.timezone if session.loaded.desired else "UTC"
    return Preview(
        workspace=session.loaded.workspace,
        environment=session.place.environment_name,
        commit=commit_of(session.place.specs),
        at=at,
        timezone=timezone,
        campaigns=campaigns,
        plan=plan,
        missing=missing,
        problems=problems,
        real=any(shown.readers.real for shown in campaigns),
    )


_INVALID = note("preview-invalid", "The files are not valid, so nothing can be planned.")


def _planned(planned: "Planned", leads: "LeadSource | None") -> "Iterator[Shown]":
    """Show the campaigns of a plan in its order: what needs somebody first, then what is left as it is."""
    from reconciler.model.plan import PlannedCampaign
    from reconciler.reporting.entries import entries_of
    from reconciler.reporting.previewcampaign import Shown

    plan, known = planned.plan, planned.inputs.known
    files = {campaign.key: campaign for campaign in planned.inputs.desired.campaigns}
    entries = {entry.planned.key: entry for entry in entries_of(plan)}
    order = {key: number for number, key in enumerate(entries)}

    def rank(campaign: PlannedCampaign) -> int:
        return order.get(campaign.key, len(order))

    for campaign in sorted(plan.campaigns, key=rank):
        key = campaign.key
        file, before = files.get(key), known.get(planned.known_keys.get(key, key))
        started = before is not None and (before.started_at is not None or before.status != "draft")
        sent = planned.inputs.sent(before.steps_digest) if before is not None and started else None
        readers, notes = _readers(file, (*(file.steps if file else ()), *(sent or ())), leads)
        yield Shown(
            key=key,
            name=campaign.name,
            place=f"{file.file}:{file.line}" if file else "",
            steps=file.steps if file else None,
            readers=readers,
            sent=sent,
            planned=campaign,
            entry=entries.get(key),
            notes=notes,
            problems=() if key in entries else _errors_of(key, plan.diagnostics),
        )


def _unplanned(
    session: "Session", targets: Sequence[str], problems: Iterable[Diagnostic], leads: "LeadSource | None"
) -> "Iterator[Shown]":
    """Show the campaigns of the files that could be read, by key."""
    from reconciler.planning.targets import fits
    from reconciler.reporting.previewcampaign import Shown

    for campaign in sorted(session.loaded.campaigns, key=lambda item: item.key):
        if targets and not any(fits(target, campaign) for target in targets):
            continue
        readers, notes = _readers(campaign, campaign.steps, leads)
        yield Shown(
            key=campaign.key,
            name=campaign.name,
            place=f"{campaign.file}:{campaign.line}",
            steps=campaign.steps,
            readers=readers,
            notes=notes,
            problems=_errors_of(campaign.key, problems),
        )


def _errors_of(key: str, found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(item for item in found if item.campaign == key and has_errors((item,)))


def _readers(
    campaign: "Campaign | None", steps: "tuple[SequenceStep, ...]", leads: "LeadSource | None"
) -> "tuple[Readers, tuple[str, ...]]":
    """Choose the readers of a campaign, and say why they are made up where real ones were asked for."""
    from reconciler.reporting.readers import made_up, of_list

    if leads is None or campaign is None or campaign.leads is None:
        return made_up(campaign, steps), ()
    try:
        found = leads.samples(campaign)
    except ReconcilerError as problem:
        return made_up(campaign, steps), (f"The readers are made up. {problem}",)
    if not found:
        return made_up(campaign, steps), ("The readers are made up: nobody is on the list.",)
    return of_list(campaign, steps, found), ()
