import click

from reconciler.commands.common import Output, backend_option, command_line, owner, place_options, settings, short_path
from reconciler.commands.exits import OK
from reconciler.wiring import Place


def _source(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    from reconciler.loading.pipelines import SOURCE

    if value is not None and not SOURCE.fullmatch(value):
        raise click.BadParameter("write it like acme/reconciler@v1.2.0, or a commit for the ref", ctx, parameter)
    return value


@click.command("init")
@place_options
@backend_option
@click.option(
    "--workflows",
    metavar="OWNER/REPO@REF",
    callback=_source,
    help="Where the reusable workflows are; by default at the version of this program.",
)
def command(place: Place, backend: str | None, workflows: str | None) -> int:
    """Make a working specs/, schemas for editors, workflows, .gitignore lines and the state. Overwrites nothing."""
    from reconciler import wiring
    from reconciler.loading.files import repository_root
    from reconciler.loading.pipelines import Pipelines, write_workflows
    from reconciler.loading.starter import has_campaigns, new_workspace
    from reconciler.session import Session
    from reconciler.store.gitnames import main_branch
    from reconciler.upkeep import create_state

    wiring.choose_backend(place, backend)
    further = place.environment is not None and has_campaigns(place.specs)
    written = () if further else new_workspace(place.specs, place.environment)
    specs = place.specs.resolve()
    root = repository_root(specs)
    source = workflows or wiring.workflows_source()
    kept = wiring.choose_backend(place, backend)
    branch = main_branch(specs, kept.state.remote)
    pipelines = Pipelines(source, specs.relative_to(root).as_posix(), place.environment, branch)
    for path in (*written, *write_workflows(root, pipelines)):
        Output.result(f"Wrote {short_path(path)}")
    Output.result(f"The workflows take what is on the branch {branch}.")
    if kept.state.backend == "local":
        Output.result("They need the state in git: it is kept on this machine, and a pipeline refuses that.")
    if further:
        made = command_line(place, "state init")
        wanted = f"`environments: {{{place.environment}: {{}}}}` in {short_path(place.workspace)}"
        Output.result(f"Next: {wanted}, if it is not there, then {made}")
        return OK
    for line in create_state(Session(place, settings()), by=owner(), kept=kept):
        Output.result(line)
    Output.result("Edit the files; reconciler validate checks them.")
    again = command_line(place, "plan")
    Output.result(f"Next: {again} --sandbox (no account needed); then set LEADTERRA_API_KEY: {again}")
    return OK
