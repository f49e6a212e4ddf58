"""`apply` in a process of its own: asking, being interrupted, being alone, and its exit codes."""

import json
import signal

import pytest
from cli.process import at_terminal, eventually, finished, running
from support.world import Ended, World

from reconciler.sandbox.faults import Fault

QUESTION = "Type 142 to email 142 people:"


@pytest.fixture
def wanting(world: World) -> World:
    """Make a world in which 142 people are to be written to."""
    world.leads("one", 142)
    world.campaign("one", status="running")
    world.session()
    return world


def sent_to(world: World) -> int:
    return sum(len(world.sandbox.messages(item.id)) for item in world.sandbox.campaigns())


def test_after_it_there_is_nothing_to_do(wanting: World) -> None:
    ended = wanting.cli("apply", "--auto-approve")
    assert ended.code == 0
    assert "142 people get a first email if you apply this." in ended.out
    assert "one: enrolling 142 of 142" in ended.err
    assert "enrolling" not in ended.out.replace("enroll ", "")
    assert sent_to(wanting) == 142
    assert wanting.cli("plan", "--detailed-exitcode").code == 0
    writes = wanting.writes()
    again = wanting.cli("apply")
    assert again.code == 0, "nobody is asked where there is nothing to do"
    assert "Nothing to change" in again.out
    assert wanting.writes() == writes


def test_the_report_as_json(wanting: World) -> None:
    ended = wanting.cli("apply", "--auto-approve", "--format", "json")
    assert ended.code == 0
    report = json.loads(ended.out)
    assert [(item["kind"], item["outcome"]) for item in report["results"]] == [
        ("create", "done"),
        ("enroll", "done"),
        ("start", "done"),
    ]
    assert (report["results"][-1]["leadsEnrolled"], report["results"][-1]["queuedMessages"]) == (142, 142)


def test_nobody_to_ask(wanting: World) -> None:
    for stdin in (None, "142\n"):
        ended = wanting.cli("apply", stdin=stdin)
        assert ended.code == 1
        assert "there is no terminal to ask at; nothing was done" in " ".join(ended.err.split())
        assert "--auto-approve" in ended.err
    assert wanting.writes() == []


def test_the_right_number_is_a_yes(wanting: World) -> None:
    ended = at_terminal(wanting, "apply", until=QUESTION, answer=b"142\n")
    assert ended.code == 0
    assert sent_to(wanting) == 142


@pytest.mark.parametrize("answer", [b"141\n", b"yes\n", b"\n"], ids=["other number", "yes", "nothing"])
def test_anything_else_is_a_no(wanting: World, answer: bytes) -> None:
    before = (wanting.root / ".reconciler" / "default" / "state.json").read_text()
    ended = at_terminal(wanting, "apply", until=QUESTION, answer=answer)
    assert ended.code == 1
    assert "Not approved: nothing was done." in ended.out
    assert wanting.writes() == []
    assert (wanting.root / ".reconciler" / "default" / "state.json").read_text() == before


@pytest.mark.parametrize("answer", [b"\x03", b"\x04"], ids=["ctrl-c", "ctrl-d"])
def test_leaving_the_question_is_an_interrupt(wanting: World, answer: bytes) -> None:
    ended = at_terminal(wanting, "apply", until=QUESTION, answer=answer)
    assert ended.code == 130
    assert "Nothing was done." in ended.out
    assert wanting.writes() == []


def test_with_json_the_plan_is_shown_before_it_is_asked(wanting: World) -> None:
    ended = at_terminal(wanting, "apply", "--format", "json", until=QUESTION, answer=b"no\n")
    assert ended.code == 1
    assert "142 people get a first email if you apply this." in ended.out.partition(QUESTION)[0]


def test_where_nobody_gets_email_a_yes_is_enough(world: World) -> None:
    world.campaign("one", leads=None)
    world.session()
    ended = at_terminal(world, "apply", until="Type yes to do it:", answer=b"yes\n")
    assert ended.code == 0
    assert world.writes() == ["create"]


def test_what_waits_is_exit_code_3(wanting: World) -> None:
    wanting.campaign("one", status="running", start={"minimumLeads": 200})
    ended = wanting.cli("apply", "--auto-approve")
    assert ended.code == 3
    assert "142 leads, 200 wanted" in ended.out
    assert wanting.writes() == ["create"]


def test_what_failed_is_exit_code_1_and_the_same_command_finishes_it(wanting: World) -> None:
    wanting.sandbox.add_fault(Fault(kind="start", action="reject", status=400, code="no_leads_enrolled", nth=1))
    failed = wanting.cli("apply", "--auto-approve")
    assert failed.code == 1
    assert "no_leads_enrolled" in failed.out
    assert "Run `reconciler apply` again" in failed.out
    assert sent_to(wanting) == 0
    again = wanting.cli("apply", "--auto-approve")
    assert again.code == 0
    assert sent_to(wanting) == 142


def interrupted(world: World, number: signal.Signals) -> Ended:
    """Interrupt an apply while its enrolment is being answered."""
    world.sandbox.add_fault(Fault(kind="enroll", action="slow", seconds=2, nth=1))
    with running(world, "apply", "--auto-approve") as process:
        eventually(lambda: "enroll" in world.kinds())
        process.send_signal(number)
        return finished(process)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupt_finishes_what_is_under_way_and_tells(wanting: World, number: signal.Signals) -> None:
    ended = interrupted(wanting, number)
    assert ended.code == 130
    assert "Ending: what is under way is finished first." in ended.err
    assert "Traceback" not in ended.text
    assert "not attempted" in ended.out.casefold() or "not done" in ended.out.casefold()
    assert "start" not in wanting.kinds()
    assert wanting.writes().count("enroll") == 1
    again = wanting.cli("apply", "--auto-approve")
    assert again.code == 0
    assert wanting.writes().count("create") == 1
    assert sent_to(wanting) == 142
    assert wanting.cli("plan", "--detailed-exitcode").code == 0


def test_a_killed_apply_leaves_no_lock(wanting: World) -> None:
    wanting.sandbox.add_fault(Fault(kind="pools", action="slow", seconds=2, nth=1))
    with running(wanting, "apply", "--auto-approve") as process:
        eventually(lambda: "pools" in wanting.kinds())
        process.kill()
        process.communicate()
    assert wanting.cli("apply", "--auto-approve").code == 0
    assert sent_to(wanting) == 142


def test_one_at_a_time(wanting: World) -> None:
    """The first is frozen in the middle of its enrolment, so that it holds its lock for as long as the others need."""
    wanting.sandbox.add_fault(Fault(kind="enroll", action="slow", seconds=2, nth=1))
    with running(wanting, "apply", "--auto-approve") as first:
        eventually(lambda: "enroll" in wanting.kinds())
        first.send_signal(signal.SIGSTOP)
        second = wanting.cli("apply", "--auto-approve")
        assert second.code == 1
        assert f"process {first.pid}" in " ".join(second.err.split())
        doctor = wanting.cli("doctor")
        assert doctor.code == 0, "somebody who applies is no fault"
        assert "held by" in " ".join(doctor.out.split())
        assert f"process {first.pid}" in " ".join(doctor.out.split())
        assert "Another apply" not in wanting.cli("plan").text, "plan needs no lock"
        first.send_signal(signal.SIGCONT)
        assert finished(first).code == 0
    assert wanting.writes() == ["create", "enroll", "start"]
