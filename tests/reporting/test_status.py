"""How the campaigns are doing, as text, Markdown and JSON: every figure, none invented, strangers' text harmless."""

import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reporting.overviews import OVERVIEWS, usual
from reporting.strangers import CLEAN, TEXTS, harmful, infect
from support.examples import examples

from reconciler.model.status import Overview
from reconciler.reporting.jsonout import status_json
from reconciler.reporting.layout import cells
from reconciler.reporting.statusmd import render_status_markdown
from reconciler.reporting.statusview import render_status


@pytest.mark.parametrize("name", OVERVIEWS)
def test_it_fits_eighty_columns(name: str) -> None:
    assert max(map(cells, render_status(OVERVIEWS[name](), width=80).splitlines())) <= 80


@pytest.mark.parametrize("render", [render_status, render_status_markdown])
def test_what_is_not_known_is_no_zero(render: Callable[[Overview], str]) -> None:
    told = render(OVERVIEWS["broken"]())
    line = next(line for line in told.splitlines() if "gone" in line)
    assert not re.search(r"\d", line)


def test_colour_adds_nothing() -> None:
    coloured = render_status(usual(), color=True)
    assert "\x1b[32m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_status(usual())


def test_json_is_the_overview() -> None:
    told = json.loads(status_json(usual()))
    assert Overview.model_validate(told) == usual()
    assert told["campaigns"][1]["bounceRate"] == 0.0141
    assert told["campaigns"][1]["next"] == {"date": "2026-12-03", "emails": 142}
    assert told["formatVersion"] == 1


@examples(60)
@given(st.data(), st.sampled_from(sorted(OVERVIEWS)), st.booleans(), st.integers(0, 120))
def test_no_overview_acts(data: st.DataObject, name: str, color: bool, width: int) -> None:  # noqa: FBT001
    overview = infect(OVERVIEWS[name](), lambda: data.draw(TEXTS), {})
    classes = {data.draw(TEXTS): 3, data.draw(TEXTS): 1}
    campaigns = tuple(item.model_copy(update={"replies": classes}) for item in overview.campaigns)
    overview = overview.model_copy(update={"campaigns": campaigns, "accounts": {data.draw(TEXTS): 2}})
    assert harmful(render_status(overview, color=color, width=width), color=color) is None
    told = render_status_markdown(overview)
    assert harmful(told) is None
    assert not re.search(r"[@#](?!\d+;)", re.sub(r"`[A-Za-z0-9._/-]*`", "", told))


@given(CLEAN)
def test_json_of_an_overview_acts_on_nothing(key: str) -> None:
    campaign = usual().campaigns[0].model_copy(update={"name": key, "replies": {key: 1}})
    told = status_json(usual().model_copy(update={"campaigns": (campaign,)}))
    assert harmful(told) is None
    assert json.loads(told)["campaigns"][0]["name"] == key
