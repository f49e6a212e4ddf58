import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

from reconciler.diagnostics import Diagnostic
from reconciler.loading.loader import Loaded, load
from reconciler.model.campaign import Campaign
from reconciler.model.workspace import Desired

STEP = 'sequenceSteps:\n  - subject: "Hello, {{firstName}}"\n    bodyText: Hi\n'
HEAD = "key: a\nname: A\nvariables: {sender: Jamie, firm: Smith & Co}\n"
FILE = "specs/campaigns/a.yaml"


class Options(TypedDict, total=False):
    environment: str
    leads_dir: Path


@dataclass
class Repository:
    """A folder with specs in it, and what is expected of loading them."""

    root: Path

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def campaign(self, content: str | bytes, name: str = "a") -> Path:
        return self.write(f"specs/campaigns/{name}.yaml", content)

    def workspace(self, content: str) -> Path:
        return self.write("specs/workspace.yaml", content)

    def load(self, **options: Unpack[Options]) -> Loaded:
        return load(self.root / "specs", version="0.1.0", **options)

    def desired(self, **options: Unpack[Options]) -> Desired:
        loaded = self.load(**options)
        assert loaded.desired is not None, loaded.diagnostics
        return loaded.desired

    def only(self, **options: Unpack[Options]) -> Campaign:
        (campaign,) = self.desired(**options).campaigns
        return campaign

    def problems(self, **options: Unpack[Options]) -> tuple[Diagnostic, ...]:
        loaded = self.load(**options)
        assert loaded.desired is None
        return loaded.diagnostics

    def problem(self, **options: Unpack[Options]) -> Diagnostic:
        (found,) = self.problems(**options)
        return found


def inline(repo: Repository, body: str, key: str = "bodyHtml") -> None:
    """Write a campaign with one step whose body stands in its file."""
    repo.campaign(f"{HEAD}sequenceSteps:\n  - subject: S\n    {key}: {json.dumps(body)}\n")
