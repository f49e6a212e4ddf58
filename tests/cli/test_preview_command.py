"""`preview`: one page, whatever is wrong with the files; it asks the server questions only, and changes nothing."""

import html
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.world import World, person

NOTHING: dict[str, str] = {}
LISTED = {"subject": "Hello {{firstName}}", "bodyText": "Hi {{firstName}} of {{company}}", "delayDays": 0}


@pytest.fixture
def planned(world: World) -> World:
    """Make a campaign that runs, and one that is new."""
    world.workspace(workspace="acme", policy={"timezone": "Europe/Berlin"})
    world.leads("running")
    world.campaign("running", status="running")
    world.apply()
    world.leads("new", 42)
    world.campaign("new", status="running", labels={"team": "emea"})
    return world


def preview(
    world: World, *arguments: str, code: int = 0, env: Any = NOTHING, out: str = "preview.html"
) -> tuple[str, Any]:
    before = len(world.writes())
    ended = world.cli("preview", *arguments, env=env)
    assert ended.code == code, ended.text
    assert len(world.writes()) == before
    path = world.root / out
    return (html.unescape(path.read_text()) if path.exists() else ""), ended


def test_the_page_shows_what_the_plan_says(planned: World) -> None:
    page, ended = preview(planned)
    assert (ended.out, ended.err) == ("Written to preview.html: 2 campaigns, 4 emails.\n", "")
    assert "42 people get a first email if you apply this." in page
    assert "Campaign new" in page
    assert "starts" in page
    assert "unchanged" in page
    assert '<svg xmlns="http://www.w3.org/2000/svg"' in page
    assert "Berlin" in page
    assert "Hi Ada," in page
    assert "Without a plan" not in page
    assert "@" not in page.replace("@media", "").replace("@1", "")


def test_it_is_written_where_it_was_asked_for(planned: World) -> None:
    page, ended = preview(planned, "--out", "a page.html", "--target", "label:team=emea", out="a page.html")
    assert ended.out == "Written to a page.html: 1 campaign, 2 emails.\n"
    assert "Campaign running" not in page
    _, failed = preview(planned, "--out", "no/folder/page.html", code=1)
    assert "the page could not be written to no/folder/page.html" in failed.err
    assert failed.out == ""
    _, failed = preview(planned, "--target", "nobody", code=1)
    assert "--target nobody names no campaign" in failed.err


def test_what_is_sent_stands_beside_what_the_file_has(planned: World) -> None:
    assert "Sent now" not in preview(planned)[0]
    steps = [{"subject": "Good day {{firstName}}", "bodyText": "Hi {{firstName}},\n\nfirst.", "delayDays": 0}]
    planned.campaign("running", status="running", sequenceSteps=steps)
    page, _ = preview(planned)
    assert "<del>Hello</del><ins>Good day</ins> {{firstName}}" in page
    assert "no longer in the file" in page
    assert "needs you" in page
    (planned.specs / "campaigns" / "running.yaml").unlink()
    page, ended = preview(planned)
    assert "Its file is gone." in page
    assert "Hello Ada" in page
    assert "2 campaigns, 4 emails" in ended.out


def test_without_a_question_to_the_server(planned: World) -> None:
    asked = len(planned.kinds())
    page, _ = preview(planned, "--no-refresh", env={"LEADTERRA_API_KEY": None})
    assert len(planned.kinds()) == asked
    assert "Leadterra was not asked" in page
    assert "42 people get a first email" in page


def test_everything_wrong_is_told_at_the_top_and_the_rest_is_shown(planned: World) -> None:
    planned.campaign("wrong", colour="red")
    steps = [{"subject": "Hi {{firstname}}", "bodyText": "x"}]
    planned.campaign("typo", sequenceSteps=steps, leads={"source": "leads:new.csv"})
    page, ended = preview(planned)
    for text in ("There is no key `colour`", "no lead has `firstname`"):
        assert text in ended.err
        assert text.replace("`colour`", "<code>colour</code>").replace("`firstname`", "<code>firstname</code>") in page
    assert "specs/campaigns/wrong.yaml:1:1" in page
    assert page.index("2 errors") < page.index("The files are not valid") < page.index("Hi Ada,")
    assert ended.out == "Written to preview.html: 3 campaigns, 5 emails.\n"
    assert "The files are not valid" not in ended.err
    assert "if you apply this" not in page
    only, _ = preview(planned, "--target", "new")
    assert "Campaign running" not in only
    assert "Campaign new" in only


def test_without_any_campaign(world: World) -> None:
    page, ended = preview(world)
    assert "There is no campaign that could be shown." in page
    assert "error" in ended.err


@pytest.mark.parametrize(
    ("env", "gone", "told"),
    [
        ({"LEADTERRA_API_KEY": None}, False, "LEADTERRA_API_KEY is not set"),
        ({"LEADTERRA_BASE_URL": "http://127.0.0.1:9/v1"}, False, "this state belongs to"),
        ({}, True, "and it is not here"),
    ],
    ids=["key", "server", "state"],
)
def test_without_a_plan_the_files_are_shown_and_why(planned: World, env: Any, gone: bool, told: str) -> None:  # noqa: FBT001
    if gone:
        (planned.root / ".reconciler" / "default" / "state.json").unlink()
    page, ended = preview(planned, env=env)
    assert told in ended.err
    assert told in page
    assert page.index("Without a plan") < page.index("Hi Ada,")
    assert ended.out == "Written to preview.html: 2 campaigns, 4 emails.\n"


def test_real_people_only_where_they_are_asked_for(planned: World) -> None:
    planned.campaign("new", status="running", sequenceSteps=[LISTED])
    rows = [person("new", 1), {**person("new", 2), "firstName": "Wilhelmina"}, {**person("new", 3), "company": ""}]
    planned.leads("new", rows=rows)
    made_up, ended = preview(planned)
    assert "Wilhelmina" not in made_up.replace("Ada-Magdalena Wilhelmina", "")
    assert "personal data" not in made_up
    page, ended = preview(planned, "--leads")
    assert "preview.html shows real people of your lists" in ended.err
    assert "This page holds personal data" in page
    for text in ("Hi Name1 of Company 1", "Hi Wilhelmina of Company 2", "Hi Name3 of "):
        assert text in page
    assert "@example.com" not in page
    planned.campaign("new", status="running", sequenceSteps=[{**LISTED, "bodyText": "to {{email}}"}])
    assert "to new.00001@example.com" in preview(planned, "--leads")[0]


def test_where_lists_are_not_at_hand_readers_are_made_up_and_it_is_told(planned: World) -> None:
    page, ended = preview(planned, "--leads", env={"RECONCILER_LEADS_DIR": None})
    assert page.count("The readers are made up. ") == 2
    assert "RECONCILER_LEADS_DIR is not set" in page
    assert "personal data" not in page
    assert "real people" not in ended.err


def test_real_people_without_a_plan(planned: World) -> None:
    page, _ = preview(planned, "--leads", env={"LEADTERRA_API_KEY": None})
    assert "Hi Name0," in page
    assert "This page holds personal data" in page


def test_hostile_files_make_no_mark_up(planned: World) -> None:
    evil = "</iframe></style><script>alert(1)</script>"
    steps = [{"subject": f"{evil} {{{{firstName}}}}", "bodyHtml": f"<p>{evil}</p>", "delayDays": 0}]
    planned.campaign("new", name=f'"{evil}', status="running", sequenceSteps=steps)
    preview(planned)
    raw = (planned.root / "preview.html").read_text()
    assert "<script" not in raw
    assert len(re.findall("<style>", raw)) == 2  # the page's and the picture's
    assert "&lt;script&gt;alert(1)" in raw


def test_the_sandbox_needs_no_state_of_its_own(world: World) -> None:
    world.campaign("one", leads=None)
    page, _ = preview(world, "--sandbox")
    assert "draft created" in page
    assert "sandbox" in page
    assert world.kinds() == []
    assert not Path(world.root / ".reconciler" / "default").exists()


def test_in_a_folder_without_files_there_is_no_page(world: World) -> None:
    shutil.rmtree(world.specs)
    ended = world.cli("preview")
    assert (ended.code, ended.out) == (1, "")
    assert "There is no folder `specs`" in ended.err
    assert not (world.root / "preview.html").exists()
