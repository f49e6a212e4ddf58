"""What `init` and `new` write: files that are valid as they stand."""

import re
from pathlib import Path

from reconciler.diagnostics import ReconcilerError, error
from reconciler.loading.schemas import schema_texts
from reconciler.model.campaign import KEY_PATTERN

_WORKSPACE = """\
# yaml-language-server: $schema=../schemas/workspace.schema.json
# What holds for every campaign. Every key has a default.
workspace: {name}
policy:
  timezone: UTC
  headroom: 10 # percentage of the daily capacity that is kept free
  maxNewRecipients: 1000 # people who may get a first email by one apply
"""
_ENVIRONMENT = """\
environments:
  {name}: {{}} # a policy and overrides of its own, if any
"""
_CAMPAIGN = """\
# yaml-language-server: $schema=../../schemas/campaign.schema.json
key: {key} # identity for ever, whatever this file is called
name: {name}
status: draft # draft | running | paused | archived
sequenceSteps:
  - subject: "{key}: a quick question, {{{{firstName}}}}"
    bodyText: |
      Hi {{{{firstName}}}},

      I have a quick question about {{{{company}}}}.

      [[ sender ]]
    delayDays: 0
  - subject: "Re: {key}: a quick question, {{{{firstName}}}}"
    bodyText: |
      Hi {{{{firstName}}}},

      did you have a moment to think about it?

      [[ sender ]]
    delayDays: 3
variables: {{sender: Jamie}}
leads:
  source: leads:{key}.csv # a file below $RECONCILER_LEADS_DIR: lists of people stay outside git
  fallbacks: {{firstName: there}}
  fields: [firstName, company]
start:
  minimumLeads: 1
"""
_IGNORED = ("# reconciler: state of the local backend, the sandbox, and the preview", ".reconciler/", "preview.html")


def has_campaigns(specs: Path) -> bool:
    """Whether there are files of campaigns already."""
    campaigns = specs / "campaigns"
    return campaigns.is_dir() and any(campaigns.rglob("*.y*ml"))


def new_workspace(specs: Path, environment: str | None = None) -> tuple[Path, ...]:
    """Write a working `specs/` with schemas beside it; raises `ReconcilerError` where there are campaigns already."""
    campaigns = specs / "campaigns"
    if has_campaigns(specs):
        raise ReconcilerError(
            error(
                "init",
                f"{campaigns} has campaigns already; nothing was written",
                hint="`reconciler state init` makes a state",
            )
        )
    written = []
    workspace = specs / "workspace.yaml"
    if not workspace.exists():
        name = re.sub(r"[^a-z0-9]+", "-", specs.resolve().parent.name.lower()).strip("-") or "default"
        also = _ENVIRONMENT.format(name=environment) if environment else ""
        written.append(_write(workspace, _aligned(_WORKSPACE.format(name=name) + also)))
    written.append(new_campaign(specs, "first-campaign"))
    for schema in ("campaign", "workspace"):
        file = specs.resolve().parent / "schemas" / f"{schema}.schema.json"
        if not file.exists():
            written.append(_write(file, schema_texts()[file.name]))
    ignore = specs.resolve().parent / ".gitignore"
    present = ignore.read_text(encoding="utf-8") if ignore.is_file() else ""
    missing = [line for line in _IGNORED if line not in present.splitlines()]
    if missing:
        gap = "" if not present or present.endswith("\n") else "\n"
        ignore.write_text(present + gap + "\n".join(missing) + "\n", encoding="utf-8")
        written.append(ignore)
    return tuple(written)


def new_campaign(specs: Path, key: str) -> Path:
    """Write a campaign file named after its key; raises `ReconcilerError` where it exists or the key cannot be one."""
    check_key(key)
    path = specs / "campaigns" / f"{key}.yaml"
    if path.exists():
        raise ReconcilerError(error("new", f"{path} exists already; nothing was written"))
    name = key.replace("-", " ").replace("_", " ").replace(".", " ").title()
    return _write(path, _aligned(_CAMPAIGN.format(key=key, name=f'"{name}"')))


def check_key(key: str) -> None:
    """Raise `ReconcilerError` where no campaign file could have this key."""
    if not re.fullmatch(KEY_PATTERN.strip("^$"), key):
        words = f"{key!r} cannot be a key: lower-case letters and digits, then also `.`, `_` and `-`, at most 80"
        raise ReconcilerError(error("key", words))


def _aligned(text: str) -> str:
    """Put the comments behind the values into one column."""
    lines = [line.partition(" # ") for line in text.splitlines()]
    width = max(len(code) for code, mark, _ in lines if mark)
    return "".join(f"{code:<{width}}{mark}{words}\n" if mark else f"{code}\n" for code, mark, words in lines)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
