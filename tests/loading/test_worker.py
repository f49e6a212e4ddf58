import os
import subprocess
import sys
from pathlib import Path

import pytest
from loading.repository import FILE, Repository, inline

from reconciler.loading.renderer import Renderer
from reconciler.loading.templates import SECONDS, TOTAL_SECONDS, Job, Rendered, Worker


def render(root: Path, *texts: str, seconds: float = SECONDS, total: float = TOTAL_SECONDS) -> list[Rendered]:
    with Worker(root, "templates", seconds=seconds, total=total) as worker:
        return list(worker.render([Job({}, html=True, text=text) for text in texts]))


ENDLESS = {
    "a loop": "[[% for a in range(99999) %]][[% for b in range(99999) %]][[% endfor %]][[% endfor %]]",
    "a power": "[[ 9**(9**9) ]]",
    "a power that is not constant": "[[% set n = 9 %]][[ n**(n**n) ]]",
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_endless_work_is_ended_and_the_next_text_is_rendered(tmp_path: Path, text: str) -> None:
    before, endless, after = render(tmp_path, "one [[ 1 ]]", text, "two [[ 2 ]]", seconds=0.5)
    assert (before.text, after.text) == ("one 1", "two 2")
    assert [item.code for item in endless.problems] == ["template-timeout"]


def test_all_slow_texts_together_are_bounded(tmp_path: Path) -> None:
    results = render(tmp_path, *[ENDLESS["a loop"]] * 100, seconds=0.2, total=0.3)
    codes = [result.problems[0].code for result in results]
    assert codes == ["template-timeout"] * 2 + ["template-budget"] * 98


def test_an_endless_template_is_told_with_its_place(repo: Repository) -> None:
    inline(repo, ENDLESS["a power"])
    found = repo.problem()
    assert (found.code, found.place, found.campaign) == ("template-timeout", f"{FILE}:6:15", "a")
    assert "2 seconds" in found.message


def test_memory_is_bounded(tmp_path: Path) -> None:
    text = "[[% set a = ('x' * 200_000_000) %]][[ (a ~ a)|length ]]"
    greedy, after = render(tmp_path, text, "[[ 1 ]]", seconds=30)
    assert [item.code for item in greedy.problems] == ["template-too-large"]
    assert after.text == "1"


def test_memory_is_bounded_where_little_is_printed(repo: Repository) -> None:
    inline(repo, "[[% for n in range(1) %]][[ ('x' * (300_000_000 + n))|length ]][[% endfor %]]")
    found = repo.problem()
    assert (found.code, found.campaign) == ("template-too-large", "a")
    assert "memory" in found.message


def test_all_texts_together_are_bounded(tmp_path: Path) -> None:
    texts = [f"[[ 'é' * {length} ]]" for length in (400, 100, 1, 1)]
    with Worker(tmp_path, "templates", total_bytes=1000) as worker:
        results = list(worker.render([Job({}, html=True, text=text) for text in texts]))
        later = list(worker.render([Job({}, html=True, text="[[ 1 ]]")]))
    assert [len(result.text) for result in results] == [400, 100, 0, 0]
    assert [item.code for result in (*results[2:], *later) for item in result.problems] == ["template-budget"] * 3
    assert "all texts from templates together" in results[2].problems[0].message


def test_a_run_holds_at_most_64_megabytes_of_text(repo: Repository) -> None:
    repo.write("specs/templates/t.j2", "[[ 'x' * 950_000 ]]")
    step = "  - {subject: s, bodyTemplate: ../templates/t.j2}\n"
    for key in "abcdefg":
        repo.campaign(f"key: {key}\nname: {key}\nsequenceSteps:\n{step * (10 if key < 'g' else 7)}", key)
    assert len(repo.desired().campaigns) == 7
    repo.campaign(f"key: g\nname: g\nsequenceSteps:\n{step * 8}", "g")
    assert [(item.code, item.campaign) for item in repo.problems()] == [("template-budget", "g")]


ADDRESSES = [
    "[[ joiner()|string ]]",
    "[[ cycler('a') ~ '' ]]",
    "[[ namespace()|string ]]",
    "[[ ['x']|map('upper')|string ]]",
    "[[ ['x']|map('upper')|pprint ]]",
    "[[ range|string ]]",
    "[[ (range|string)[:-1] ]]",
    "[[ (joiner() ~ '')[:-1] ]]",
    "[[ (joiner|string)[:-1] ]]",
    "[[ ((['x']|map('upper'))|string)[:-1] ]]",
    "[[ range|upper ]]",
    "[[ range ~ '' ]]",
    "[[ '%s' % joiner() ]]",
    "[[ '%s'|format(range) ]]",
    "[[ '{}'.format(cycler('a')) ]]",
    "[[ [range, joiner()]|join(' ') ]]",
    "[[ [joiner()]|string ]]",
    "[[ {'a': range}|string ]]",
    "[[ 'x'.upper ~ '' ]]",
    "[[ ('x'.upper ~ '')|e ]]",
    "[[ ('x'.upper ~ '')|upper ]]",
    "[[ (['x']|map('upper') ~ '')|e|forceescape ]]",
    "[[ '%s' % 'x'.upper ]]",
    "[[ ['x'.upper]|join ]]",
    "[[% macro m() %]][[% endmacro %]][[ m|string ]]",
]


@pytest.mark.parametrize("html", [False, True])
def test_no_address_of_an_object_is_printed(tmp_path: Path, html: bool) -> None:  # noqa: FBT001
    """It is another one in each process: the emails would differ from plan to plan."""
    jobs = [Job({}, html=html, text=text) for text in ADDRESSES]
    with Worker(tmp_path, "templates") as one, Worker(tmp_path, "templates") as other:
        first, second = list(one.render(jobs)), list(other.render(jobs))
    assert first == second
    assert [(text, [item.code for item in result.problems]) for text, result in zip(ADDRESSES, first, strict=True)] == [
        (text, ["template-error"]) for text in ADDRESSES
    ]


def test_what_is_used_but_not_printed_still_works(tmp_path: Path) -> None:
    text = (
        "[[% set j = joiner('/') %]][[% set c = cycler('a', 'b') %]][[% set n = namespace(x=1) %]]"
        "[[% for i in range(3) %]][[ j() ]][[ c.next() ]][[% set n.x = n.x + i %]][[% endfor %]] [[ n.x ]]"
        " [[ ['x', 'y']|map('upper')|join('+')|lower|replace('x', 'z') ]] [[ 'look at 0xff' ]]"
    )
    (result,) = render(tmp_path, text)
    assert (result.text, result.problems) == ("a/b/a 4 z+y look at 0xff", ())


def test_the_worker_has_no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no key in it to take, whatever a template may get hold of."""
    monkeypatch.setenv("LEADTERRA_API_KEY", "sk_test_made_up")
    with Worker(tmp_path, "templates") as worker:
        assert next(worker.render([Job({}, html=True, text="[[ 1 ]]")])).text == "1"
        process = worker._process
        assert process is not None
        environ = Path(f"/proc/{process.pid}/environ")
        if environ.exists():
            assert environ.read_bytes() == b""
    for reach in ("[[ environ ]]", "[[ os.environ ]]", "[[ LEADTERRA_API_KEY ]]", "[[ cycler.__init__.__globals__ ]]"):
        (found,) = render(tmp_path, reach)
        assert found.problems
        assert "sk_test" not in str(found)


def test_the_worker_ends_with_its_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-m", "reconciler.loading.renderer", str(tmp_path), "."]
    ended = subprocess.run(command, input=b"", capture_output=True, env={}, timeout=30, check=True)
    assert (ended.stdout, ended.stderr) == (b"\n", b"")


def test_a_worker_that_cannot_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    results = render(tmp_path, "[[ 1 ]]", "[[ 2 ]]")
    assert [item.problems[0].code for item in results] == ["template-worker"] * 2


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    with Worker(tmp_path, "templates") as worker:
        jobs = [Job({}, html=True, text=f"[[ {number} ]]") for number in range(100)]
        results = worker.render(jobs)
        assert next(results).text == "0"
        assert worker._process is not None
        os.kill(worker._process.pid, 9)
        rest = list(results)
    assert len(rest) == 99
    assert rest[-1].text == "99"


def test_the_worker_loads_nothing_of_the_program() -> None:
    code = (
        "import sys, reconciler.loading.renderer; print([m for m in sys.modules if m in ('pydantic', 'httpx', 'yaml')])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_nothing_is_rendered_twice_differently(tmp_path: Path) -> None:
    """The worker's own class, in this process: what it answers depends on the job alone."""
    (tmp_path / "t.j2").write_text("[[ x ]]")
    renderer = Renderer(str(tmp_path), ".")
    job = {"template": "t.j2", "html": False, "variables": {"x": "<"}}
    first = renderer.answer(job)
    assert first["text"] == "<"
    assert renderer.answer({**job, "html": True})["text"] == "&lt;"
    assert renderer.answer(job) == first
