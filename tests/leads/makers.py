"""Campaigns, lists and ledgers to test with."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.diagnostics import Diagnostic
from reconciler.leads.mending import Mended, mend
from reconciler.leads.roster import LeadLists
from reconciler.model.campaign import Campaign, Leads, SequenceStep, Status
from reconciler.model.state import CampaignState

KEY = bytes(range(32))
SPEC = "specs/campaigns/vp-sales.yaml"


def make_campaign(path: Path | None, *, key: str = "vp-sales", body: str = "<p>Hi</p>", **leads: Any) -> Campaign:
    """Make a campaign with one step and a list; `leads` are fields of `Leads`."""
    described = {"source": "leads:list.csv", "tracked": False, "file": SPEC, "line": 9, **leads}
    return Campaign(
        key=key,
        name="VP Sales",
        status=Status.RUNNING,
        steps=(SequenceStep(subject="Hello", body_html=body),),
        step_lines=(5,),
        file=SPEC,
        leads=Leads(**{"paths": (str(path),) if path else None, **described}),
    )


class Ledger:
    """Blobs of ledger segments, and the state of a campaign that names them."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def blob(self, name: str) -> bytes:
        return self.blobs[name]

    def add(self, *segments: bytes) -> None:
        for segment in segments:
            self.blobs[f"segment-{len(self.blobs)}"] = segment

    @property
    def state(self) -> CampaignState:
        return CampaignState(
            id="camp_1", name="VP Sales", file=SPEC, status="draft", steps_digest="0", ledger=tuple(self.blobs)
        )


def make_source(
    root: Path, ledger: Ledger | None = None, *, batch_size: int = 500, cache: Path | None = None, key: bytes = KEY
) -> LeadLists:
    blob = (ledger or Ledger()).blob
    return LeadLists(ledger_key=key, blob=blob, batch_size=batch_size, root=root, cache=cache)


def found(diagnostics: tuple[Diagnostic, ...]) -> list[tuple[str, str]]:
    """Return (code, place) of each."""
    return [(item.code, item.place) for item in diagnostics]


def sent(source: LeadLists, campaign: Campaign, known: CampaignState | None = None) -> list[tuple[str, list[str]]]:
    """Return kind and addresses of each batch."""
    return [(kind, [lead.email for lead in leads]) for kind, leads in source.batches(campaign, known)]


def write_list(path: Path, rows: list[Mapping[str, str]]) -> Path:
    """Write simple rows (no commas or quotes) with the columns of the first one."""
    names = list(rows[0])
    lines = [",".join(names), *(",".join(row[name] for name in names) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def mended(path: Path) -> tuple[Mended, list[tuple[int, tuple[str, ...]]]]:
    """Mend a list; return what was told of it, and line and cells of each row of the copy, read back strictly."""
    out = path.with_name("copy.out")
    told = mend(path, out)
    with out.open(encoding="utf-8", newline="") as stream:
        rows = [(int(line), tuple(cells)) for line, *cells in csv.reader(stream, strict=True)]
    assert len(rows) == told.rows
    return told, rows
