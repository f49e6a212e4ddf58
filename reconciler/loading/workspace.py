"""`workspace.yaml`: the policy of one environment, and what is laid under and over each campaign."""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from reconciler.diagnostics import Diagnostic, SourceRange, error
from reconciler.loading.layers import Layer, Layers
from reconciler.loading.shape import Shape, campaign_shape, shape_at, without_extensions, workspace_shape
from reconciler.loading.words import clipped, inexact_numbers, path_text, told
from reconciler.loading.yamlmarks import Document, Path
from reconciler.model.campaign import CampaignFile
from reconciler.model.workspace import (
    DAYS,
    DEFAULT_ENVIRONMENT,
    ENVIRONMENT_PATTERN,
    RESERVED_ENVIRONMENTS,
    Allowance,
    AllowanceFile,
    Budget,
    Policy,
    PolicyFile,
    StartWindow,
    StartWindowFile,
    WorkspaceFile,
)
from reconciler.tokens import nearest

_OWN_KEYS = ("key", "moved")


@dataclass
class Workspace:
    """The workspace as it holds for one environment.

    `sound` is False where the parts that campaigns are made of are not valid: then campaigns are looked at by
    themselves only, as what they lack or use may well be meant to stand here.
    """

    name: str = "default"
    environment: str = DEFAULT_ENVIRONMENT
    lineage: str | None = None
    policy: Policy = field(default_factory=Policy)
    allow: tuple[Allowance, ...] = ()
    defaults: Layer | None = None
    overrides: Layer | None = None
    sound: bool = True
    diagnostics: list[Diagnostic] = field(default_factory=list)


def load_workspace(document: Document | None, *, environment: str | None, version: str) -> Workspace:
    """Check all of `workspace.yaml`, whatever environment is chosen, and choose from it.

    `document` is None where there is no such file; then every key has its default.
    """
    workspace = Workspace(environment=environment or DEFAULT_ENVIRONMENT)
    data = {} if document is None or document.data is None else document.data
    if document is not None and not isinstance(data, dict):
        at = SourceRange(file=document.file, line=1, column=1)
        hint = "Write lines of `key: value`, such as `workspace: acme`."
        workspace.diagnostics.append(error("not-a-mapping", "The file holds no mapping.", hint=hint, at=at))
        workspace.sound = False
        return workspace
    layer = Layer(document or Document(""), without_extensions(data, workspace_shape()))
    problems = workspace.diagnostics
    written = _validated(WorkspaceFile, layer, problems)
    if written is not None:
        workspace.name = written.workspace
        workspace.allow = tuple(
            _allowance(item, layer.place(("allow", number))) for number, item in enumerate(written.allow)
        )
    state = layer.data.get("state")
    lineage = state.get("lineage") if isinstance(state, dict) else None
    workspace.lineage = lineage if isinstance(lineage, str) and lineage.strip() else None
    _check_version(layer, version, problems)
    _check_policy(layer, None, problems)

    before = len(problems)
    workspace.defaults = _campaign_part(layer, ("defaults",), problems)
    environments = layer.data.get("environments")
    environments = environments if isinstance(environments, dict) else {}
    overrides = {
        name: _campaign_part(layer, ("environments", name, "overrides"), problems)
        for name, content in environments.items()
        if isinstance(content, dict)
    }
    for name in environments:
        _check_environment_name(name, layer, problems)
        _check_policy(layer, name, problems)
    if environment is not None and environment != DEFAULT_ENVIRONMENT and environment not in environments:
        problems.append(_unknown_environment(environment, list(environments), document))
    elif environment is not None:
        workspace.overrides = overrides.get(environment)
    parts_are_mappings = all(isinstance(layer.data.get(part, {}), dict) for part in ("defaults", "environments"))
    parts_are_whole = not any(path and path[0] in {"defaults", "environments"} for path in layer.document.broken)
    workspace.sound = parts_are_mappings and parts_are_whole and len(problems) == before
    with suppress(ValidationError):  # told above, with its place
        workspace.policy = _policy(PolicyFile.model_validate(_policy_layers(layer, environment).merged))
    return workspace


def find_zone(name: str) -> ZoneInfo | None:
    """Return the time zone of an IANA name, or None where there is none."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None


def _validated(model: type[WorkspaceFile], layer: Layer, problems: list[Diagnostic]) -> WorkspaceFile | None:
    try:
        return model.model_validate(layer.data)
    except ValidationError as problem:
        problems.extend(told(problem, lambda _path: layer, workspace_shape()))
        return None


def _check_version(layer: Layer, version: str, problems: list[Diagnostic]) -> None:
    wanted = layer.data.get("requiresVersion")
    if not isinstance(wanted, str) or not wanted.strip():
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    at = layer.place(("requiresVersion",))
    try:
        fits = SpecifierSet(wanted).contains(version, prereleases=True)
    except InvalidSpecifier:
        message = f"`requiresVersion` is no range of versions: `{clipped(wanted)}`."
        problems.append(error("wrong-value", message, hint='Write it like ">=0.1,<1".', at=at))
        return
    if not fits:
        message = f"This repository wants reconciler {clipped(wanted)}; this is {version}."
        problems.append(error("requires-version", message, hint="Install a version that fits.", at=at))


def _campaign_part(layer: Layer, prefix: Path, problems: list[Diagnostic]) -> Layer | None:
    """Check keys of a campaign that are laid under or over all of them; they need not be complete."""
    data: Any = layer.data
    for part in prefix:
        data = data.get(part, {})
        if not isinstance(data, dict):
            return None
    part_layer = Layer(layer.document, {key: data[key] for key in data if key not in _OWN_KEYS}, prefix)
    for key in _OWN_KEYS:
        if key in data:
            message = f"`{key}` belongs to one campaign and cannot stand in `{path_text(prefix)}`."
            hint = "Write it into the campaign's own file."
            problems.append(error("not-here", message, hint=hint, at=part_layer.key_place((key,))))
    try:
        CampaignFile.model_validate(part_layer.data)
    except ValidationError as problem:
        problems.extend(told(problem, lambda _path: part_layer, campaign_shape(), partial=True))
    problems.extend(inexact_numbers(part_layer))
    return part_layer


def _check_environment_name(name: str, layer: Layer, problems: list[Diagnostic]) -> None:
    at = layer.key_place(("environments", name))
    if name in RESERVED_ENVIRONMENTS:
        message = f"An environment cannot be called `{name}`: that name has a meaning of its own."
        problems.append(error("environment-name", message, hint="Give it another name.", at=at))
    elif not re.fullmatch(ENVIRONMENT_PATTERN, name):
        message = f"`{clipped(name)}` cannot be the name of an environment."
        hint = "Use up to 80 letters, digits, `.`, `_` and `-`; begin with a letter or digit."
        problems.append(error("environment-name", message, hint=hint, at=at))


def _unknown_environment(name: str, known: list[str], document: Document | None) -> Diagnostic:
    near = nearest(name, known)
    hint = f"Did you mean `{near}`? " if near else ""
    hint += f"There are: {', '.join(sorted(known))}." if known else "workspace.yaml defines none: leave --env out."
    at = SourceRange(file=document.file) if document else None
    return error("unknown-environment", f"There is no environment `{clipped(name)}`.", hint=hint, at=at)


def _policy_layers(layer: Layer, environment: str | None) -> Layers:
    parts = [("policy",)] if environment is None else [("policy",), ("environments", environment, "policy")]
    layers = []
    for prefix in parts:
        data: Any = layer.data
        for part in prefix:
            data = data.get(part, {}) if isinstance(data, dict) else {}
        layers.append(Layer(layer.document, data if isinstance(data, dict) else {}, prefix))
    return Layers(layers)


def _check_policy(layer: Layer, environment: str | None, problems: list[Diagnostic]) -> None:
    """Check the policy as it holds in one environment; what is told of the workspace's own is not told again."""
    layers = _policy_layers(layer, environment)
    own = layers.layers[-1]
    shape = shape_at(workspace_shape(), ("policy",)) or Shape()
    if environment is not None:
        _tell(PolicyFile, own, shape, problems)
    try:
        policy = PolicyFile.model_validate(layers.merged)
    except ValidationError:
        return
    found = []
    if find_zone(policy.timezone) is None:
        found.append(_unknown_zone(policy.timezone, layers.place(("timezone",))))
    window = policy.start_window
    if window is not None and window.from_ > window.to:
        message = f"The window is empty: it is from {window.from_} to {window.to}."
        hint = "A window lies within one day: `from` comes before `to`."
        found.append(error("empty-window", message, hint=hint, at=layers.place(("startWindow",))))
    problems.extend(item for item in found if item not in problems)


def _tell(model: type[BaseModel], layer: Layer, shape: Shape, problems: list[Diagnostic]) -> None:
    try:
        model.model_validate(layer.data)
    except ValidationError as problem:
        problems.extend(told(problem, lambda _path: layer, shape, partial=True))


def _unknown_zone(name: str, at: SourceRange) -> Diagnostic:
    from zoneinfo import available_timezones

    near = nearest(name, sorted(available_timezones()))
    hint = f"Did you mean `{near}`?" if near else "Use an IANA name such as `Europe/Berlin` or `UTC`."
    return error("unknown-timezone", f"There is no time zone `{clipped(name)}`.", hint=hint, at=at)


def _allowance(written: AllowanceFile, at: SourceRange) -> Allowance:
    lifts = written.new_recipients is not None
    return Allowance(
        budget=Budget.NEW_RECIPIENTS if lifts else Budget.FORGETS,
        amount=(written.new_recipients if lifts else written.forgets) or 0,
        until=date.fromisoformat(written.until),
        reason=written.reason,
        file=at.file,
        line=at.line,
    )


def _policy(written: PolicyFile) -> Policy:
    window = written.start_window
    return Policy(
        timezone=written.timezone,
        start_window=_window(window) if window else None,
        headroom=written.headroom,
        daily_capacity=written.daily_capacity,
        reply_rate=written.reply_rate / 100,
        max_bounce_rate=written.health.max_bounce_rate,
        max_unsubscribe_rate=written.health.max_unsubscribe_rate,
        max_new_recipients=written.max_new_recipients,
        max_forgets=written.max_forgets,
        recontact=written.recontact.mode,
        recontact_days=written.recontact.after_days,
        leads_in_git=written.leads_in_git,
        requests_per_second=written.requests_per_second,
    )


def _window(written: StartWindowFile) -> StartWindow:
    numbers = {day: number for number, day in enumerate(DAYS)}
    return StartWindow(
        days=tuple(sorted({numbers[day] for day in written.days})),
        from_=time.fromisoformat(written.from_),
        to=time.fromisoformat(written.to),
    )
