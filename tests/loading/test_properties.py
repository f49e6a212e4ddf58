"""The loader never raises, and what is written is what is read."""

import random
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from reconciler.loading.loader import Loaded, load

NAMES = st.from_regex(r"[a-z][a-zA-Z0-9]{0,8}", fullmatch=True)
PRINTABLE = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="{}[\ufffe\uffff"),
    min_size=1,
    max_size=30,
).filter(lambda text: text.strip() == text)
STEPS = st.fixed_dictionaries(
    {"subject": PRINTABLE, "bodyHtml": PRINTABLE, "delayDays": st.integers(min_value=0, max_value=365)}
)
CAMPAIGNS = st.fixed_dictionaries(
    {"key": st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True), "name": PRINTABLE},
    optional={
        "owner": PRINTABLE,
        "labels": st.dictionaries(NAMES, PRINTABLE, max_size=3),
        "variables": st.dictionaries(NAMES, PRINTABLE | st.integers(0, 10**9) | st.booleans(), max_size=3),
        "sequenceSteps": st.lists(STEPS, max_size=3),
        "start": st.fixed_dictionaries({"minimumLeads": st.integers(1, 10_000)}),
        "protect": st.booleans(),
        "status": st.sampled_from(["draft", "paused", "archived"]),
    },
)
YAMLISH = st.lists(
    st.sampled_from(
        [*"[]{}:,-?&*!|>'\"%@`#\t\n ", "key: ", "name: ", "sequenceSteps:\n", "  - ", "<<", "a", "1", "{{", "[["]
    )
).map("".join)


def loaded(files: dict[str, bytes]) -> Loaded:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / "specs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return load(Path(folder) / "specs", version="0.1.0")


def check(result: Loaded) -> None:
    assert (result.desired is None) == any(item.severity == "error" for item in result.diagnostics)
    assert list(result.diagnostics) == sorted(result.diagnostics, key=lambda item: item.order)
    assert all(item.file for item in result.diagnostics)


@examples(150)
@given(content=st.binary(max_size=200) | st.text(max_size=100).map(str.encode) | YAMLISH.map(str.encode))
def test_any_bytes_give_campaigns_or_errors(content: bytes) -> None:
    check(loaded({"campaigns/a.yaml": content}))


KEYS = [
    *("key", "name", "status", "owner", "leads", "source", "columns", "start", "notBefore", "sequenceSteps", "subject"),
    *("bodyText", "delayDays", "variables", "labels", "moved", "from", "defaults", "environments", "staging"),
    *("overrides", "policy", "startWindow", "days", "to", "timezone", "state", "lineage", "x-a", "requiresVersion"),
]
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@examples(150)
@given(campaign=TREES, workspace=TREES)
def test_any_tree_gives_campaigns_or_errors(campaign: object, workspace: object) -> None:
    files = {"campaigns/a.yaml": campaign, "workspace.yaml": workspace}
    check(loaded({name: yaml.safe_dump(tree, allow_unicode=True).encode() for name, tree in files.items()}))


@examples(150)
@given(written=CAMPAIGNS)
def test_what_is_written_is_what_is_read(written: dict[str, Any]) -> None:
    result = loaded({"campaigns/a.yaml": yaml.safe_dump(written, allow_unicode=True).encode()})
    assert result.desired is not None, result.diagnostics
    (campaign,) = result.desired.campaigns
    steps = [(step.subject, step.body_html, step.delay_days) for step in campaign.steps]
    assert (campaign.key, campaign.name, campaign.owner) == (written["key"], written["name"], written.get("owner"))
    assert campaign.labels == written.get("labels", {})
    assert campaign.protect == written.get("protect", False)
    assert campaign.status == written.get("status", "draft")
    assert campaign.minimum_leads == written.get("start", {}).get("minimumLeads", 1)
    assert steps == [(s["subject"], s["bodyHtml"], s["delayDays"]) for s in written.get("sequenceSteps", [])]


@examples(20)
@given(seed=st.integers(0, 1000), broken=st.booleans())
def test_the_result_does_not_depend_on_the_order_of_files(seed: int, broken: bool) -> None:  # noqa: FBT001
    """Neither on the order in which they are made, nor, but for their places, on what they are called."""
    status = "runing" if broken else "paused"
    files = [(f"campaigns/{n}.yaml", f"key: k{n}\nname: N{n}\nstatus: {status}\n".encode()) for n in range(6)]
    shuffled = random.Random(seed).sample(files, len(files))
    first, second = loaded(dict(files)), loaded(dict(shuffled))
    assert (first.desired, first.diagnostics) == (second.desired, second.diagnostics)
    names = [name for name, _ in shuffled]
    third = loaded({name: content for name, (_, content) in zip(names, files, strict=True)})
    if first.desired is not None and third.desired is not None:
        assert [item.key for item in third.desired.campaigns] == [item.key for item in first.desired.campaigns]
    else:
        assert len(third.diagnostics) == len(first.diagnostics)
