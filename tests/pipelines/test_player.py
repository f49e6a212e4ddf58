"""The player of GitHub Actions that the tests of the pipelines stand on."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.actions.expressions import Scope, condition, text, value
from support.actions.hub import Hub
from support.actions.results import Run
from support.actions.runs import matches
from support.actions.values import Refused
from support.actions.workflow import load, load_action

CHECKOUT = f"actions/checkout@{'1' * 40}"
PYTHON = f"actions/setup-python@{'2' * 40}"
UPLOAD = f"actions/upload-artifact@{'3' * 40}"
DOWNLOAD = f"actions/download-artifact@{'4' * 40}"
KEY = "lt_key_of_the_test"

# Expressions

CONTEXTS = {
    "github": {"ref": "refs/heads/main", "event": {"n": 3, "labels": ["a", "b"], "none": None}},
    "inputs": {"yes": True, "no": False, "empty": "", "word": "Ready", "a-b": 1},
    "steps": {"one": {"outputs": {"count": "0"}}},
}


def scope(**status: bool) -> Scope:
    said = {"success": True, "failure": False, "always": True, "cancelled": False, **status}
    return Scope(CONTEXTS, {name: lambda held=held: held for name, held in said.items()})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("github.ref", "refs/heads/main"),
        ("github['ref']", "refs/heads/main"),
        ("github.event.labels[1]", "b"),
        ("github.event.labels[2]", None),
        ("github.nothing.at.all", None),
        ("GITHUB.ref", Refused),
        ("inputs.a-b", 1),
        ("inputs.WORD", "Ready"),
        ("1 == 1.0", True),
        ("'' == 0", True),
        ("null == 0", True),
        ("null == ''", True),
        ("true == 1", True),
        ("'true' == true", False),
        ("'READY' == inputs.word", True),
        ("'x' == 0", False),
        ("'x' != 0", True),
        ("steps.one.outputs.count > 0", False),
        ("steps.one.outputs.count == '0'", True),
        ("'10' >= 9", True),
        ("'b' > 'A'", True),
        ("!inputs.no && inputs.word", "Ready"),
        ("inputs.empty || 'else'", "else"),
        ("inputs.yes && 'a' || 'b'", "a"),
        ("inputs.no || inputs.yes && false", False),
        ("(inputs.yes || false) && 'x' == 'X'", True),
        ("1 < 2 == true", True),
        ("!(1 == 2)", True),
        ("0x10", 16),
        ("-1.5e1", -15),
        ("'it''s }}'", "it's }}"),
        ("contains('Hello', 'ELL')", True),
        ("contains(github.event.labels, 'B')", True),
        ("contains(fromJSON('[1, 2]'), 2)", True),
        ("startsWith(github.ref, 'refs/heads/')", True),
        ("endsWith(github.ref, 'Main')", True),
        ("format('{0} {{x}} {1}', 'a', 3)", "a {x} 3"),
        ("fromJSON(toJSON(github.event)).n", 3),
        ("toJSON(1)", "1"),
        ("github.event ==", Refused),
        ("nothing.x", Refused),
        ("hashFiles('x')", Refused),
        ("contains('x')", Refused),
        ("secrets.KEY", Refused),
        ("success()", Refused),
        ("github.event.labels.*.name", Refused),
        ("a b", Refused),
        ('"x"', Refused),
    ],
)
def test_an_expression(written: str, meant: object) -> None:
    plain = Scope(CONTEXTS)
    if meant is Refused:
        with pytest.raises(Refused):
            value(f"${{{{ {written} }}}}", plain)
    else:
        assert value(f"${{{{ {written} }}}}", plain) == meant


@pytest.mark.parametrize(
    ("written", "filled"),
    [
        ("plain", "plain"),
        (True, "true"),
        (3, "3"),
        ("a ${{ inputs.yes }} b ${{ github.event.n }}${{ null }}", "a true b 3"),
        ("${{ '${{ x }}' }}", "${{ x }}"),
        ("${{ github.event }}", Refused),
        ("${{ github.ref", Refused),
    ],
)
def test_a_text_with_expressions(written: object, filled: object) -> None:
    if filled is Refused:
        with pytest.raises(Refused):
            text(written, scope())
    else:
        assert text(written, scope()) == filled


@pytest.mark.parametrize(
    ("written", "success", "holds"),
    [
        (None, True, True),
        (None, False, False),
        ("inputs.yes", False, False),
        ("${{ inputs.yes }}", True, True),
        ("always() && inputs.yes", False, True),
        ("!cancelled() && inputs.no", True, False),
        ("failure()", False, True),
        ("'0'", True, True),
        ("0", True, False),
        (False, True, False),
        ("${{ inputs.no }} && true", True, Refused),
    ],
)
def test_a_condition(written: object, *, success: bool, holds: object) -> None:
    where = scope(success=success, failure=not success)
    if holds is Refused:
        with pytest.raises(Refused):
            condition(written, where)
    else:
        assert condition(written, where) is holds


# Whole runs

CALLED = f"""
name: called
on:
  workflow_call:
    inputs:
      environment: {{type: string, default: ""}}
      loud: {{type: boolean, default: false}}
    secrets:
      key: {{required: true}}
    outputs:
      made: {{value: "${{{{ jobs.make.outputs.made }}}}"}}
permissions: {{}}
env:
  EVERYWHERE: here
jobs:
  make:
    runs-on: ubuntu-24.04
    permissions:
      contents: read
    outputs:
      made: ${{{{ steps.own.outputs.made }}}}
    steps:
      - uses: {CHECKOUT}
        with: {{persist-credentials: false}}
      - uses: {CHECKOUT}
        with:
          repository: ${{{{ job.workflow_repository }}}}
          ref: ${{{{ job.workflow_sha }}}}
          path: .reconciler
          persist-credentials: false
          sparse-checkout: .github/actions
      - id: own
        uses: ./.reconciler/.github/actions/own
        with: {{word: "${{{{ inputs.loud && 'LOUD' || 'quiet' }}}}"}}
        env: {{LEADTERRA_API_KEY: "${{{{ secrets.key }}}}"}}
      - run: |
          mkdir out && cp made.txt out/ && echo more > out/more.txt
          git config --get-regexp 'http.*' || echo "no token"
      - uses: {UPLOAD}
        with: {{name: made, path: out, retention-days: 3}}
      - uses: {UPLOAD}
        with: {{path: out/more.txt, archive: false}}
  use:
    needs: make
    if: needs.make.outputs.made == 'quiet-campaigns'
    runs-on: ubuntu-24.04
    environment: ${{{{ inputs.environment }}}}
    steps:
      - uses: {DOWNLOAD}
        with: {{name: made, path: got}}
      - run: cat got/made.txt && printenv KEY | wc -c
        env: {{KEY: "${{{{ secrets.key }}}}"}}
  never:
    needs: use
    if: github.event_name == 'schedule'
    runs-on: ubuntu-24.04
    steps: [{{run: exit 1}}]
  behind:
    needs: [never]
    runs-on: ubuntu-24.04
    steps: [{{run: exit 1}}]
"""
ACTION = """
name: own
description: of the test
inputs:
  word: {description: a word, default: nothing}
  url: {description: with a default, default: "${{ github.server_url }}"}
outputs:
  made: {description: what was made, value: "${{ steps.write.outputs.made }}"}
runs:
  using: composite
  steps:
    - id: write
      shell: bash
      run: bash "$GITHUB_ACTION_PATH/write.sh" "$WORD"
      env: {WORD: "${{ inputs.word }}", URL: "${{ inputs.url }}"}
    - if: failure()
      shell: bash
      run: echo not here
    - shell: bash
      run: |
        echo "FOLDER=${{ github.action_path }}" >> "$GITHUB_ENV"
        echo '::notice file=a%2Cb.yaml,line=3::two%0Alines'
        echo '## Made' >> "$GITHUB_STEP_SUMMARY"
"""
BESIDE = """
name: beside
description: of the test
runs:
  using: composite
  steps:
    - shell: bash
      run: |
        test "$GITHUB_ACTION_PATH" = "${{ github.action_path }}"
        ls -A "$GITHUB_ACTION_PATH/../../.."
        ls -A "$GITHUB_WORKSPACE" | wc -l
"""
SCRIPT = """
set -euo pipefail
test "$HOME" != "" && test -z "$(ls -A "$HOME")"
test "$GITHUB_ACTIONS/$CI/$GITHUB_REPOSITORY" = true/true/acme/campaigns
test -n "$LEADTERRA_API_KEY" -a "$EVERYWHERE" = here -a "$URL" = "$GITHUB_SERVER_URL"
test "$(git rev-parse HEAD)" = "$GITHUB_SHA"
echo "$1" > made.txt
{ echo "made<<END"; echo "$1-$(jq -r .repository.name "$GITHUB_EVENT_PATH")"; echo END; } >> "$GITHUB_OUTPUT"
"""
CALLER = """
on:
  pull_request: {paths: ["specs/**"]}
  push: {branches: [main]}
  workflow_dispatch:
    inputs:
      loud: {type: boolean, default: false}
permissions:
  contents: read
jobs:
  own:
    uses: acme-tools/reconciler/.github/workflows/called.yml@v1
    with:
      environment: ${{ github.event_name == 'push' && 'send' || '' }}
      loud: ${{ inputs.loud || false }}
    secrets:
      key: ${{ secrets.LEADTERRA_API_KEY }}
"""


CALL = "on: push\njobs:\n  a:\n    uses: x/reconciler/.github/workflows/called.yml@v1\n"


def make_project(folder: Path, **workflows: str) -> Path:
    files = {f".github/workflows/{name}.yml": content for name, content in workflows.items()}
    files |= {
        ".github/actions/own/action.yml": ACTION,
        ".github/actions/own/write.sh": SCRIPT,
        ".github/actions/beside/action.yml": BESIDE,
        "pyproject.toml": "",
        "constraints.txt": "",
        "docs/long.md": "",
    }
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    for command in (
        ["init", "--quiet"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit"],
    ):
        more = ["--quiet", "-m", "x"] if "commit" in command else []
        subprocess.run(["git", *command, *more], cwd=folder, check=True)
    return folder


@pytest.fixture
def make_hub(tmp_path: Path) -> Iterator[Callable[..., Hub]]:
    made: list[Hub] = []

    def make(called: str = CALLED, **options: Any) -> Hub:
        project = make_project(tmp_path / "project", called=called)
        made.append(Hub(tmp_path / "hub", project=project, **options))
        return made[-1]

    yield make
    for hub in made:
        hub.close()


def one_job(*steps: Mapping[str, Any], **job: Any) -> Mapping[str, str]:
    """Return the files of a repository with one workflow of one job, started by a push."""
    return jobs_of(it={"steps": list(steps), **job})


def jobs_of(**jobs: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the files of a repository with one workflow of these jobs, which do nothing unless they are told."""
    common = {"runs-on": "ubuntu-24.04", "steps": [{"run": "true"}]}
    on = {"push": None, "pull_request": None, "schedule": [{"cron": "5 4 * * *"}]}
    document = {"on": on, "jobs": {name: {**common, **job} for name, job in jobs.items()}}
    return {".github/workflows/one.yml": json.dumps(document)}


def run_of(runs: "list[Run] | tuple[Run, ...]") -> Run:
    (run,) = runs
    return run


def test_from_a_pull_request_to_the_jobs_behind_its_merge(make_hub: Callable[..., Hub]) -> None:
    asked: list[tuple[str, str]] = []

    def approve(environment: str, job: str) -> bool:
        asked.append((environment, job))
        return True

    hub = make_hub(secrets={"LEADTERRA_API_KEY": KEY}, environments={"send": {"key": "longer" + KEY}}, approve=approve)
    assert hub.push({".github/workflows/reconciler.yml": CALLER})[0].conclusion == "success"
    asked.clear()
    pull = hub.open_pull_request("change", files={"specs/a.yaml": "a\n"})
    run = run_of(pull.runs)
    assert run.results == {
        "own": "success",
        "own / make": "success",
        "own / use": "success",
        "own / never": "skipped",
        "own / behind": "skipped",
    }
    assert run.job("own").outputs == {"made": "quiet-campaigns"}
    assert asked == []
    make = run.job("make")
    assert make.permissions == {"contents": "read"}
    assert "no token" in make.log
    assert make.summary == "## Made\n"
    assert [(c.name, c.properties, c.message) for c in make.commands] == [
        ("notice", {"file": "a,b.yaml", "line": "3"}, "two\nlines")
    ]
    assert "  word: quiet\n" in make.step("own").log
    assert "  LEADTERRA_API_KEY: ***\n" in make.step("own").log
    assert "not here" not in make.log
    assert str(len(KEY) + 1) in run.job("use").log
    assert {name: (dict(item.files), item.retention_days) for name, item in run.artifacts.items()} == {
        "made": ({"made.txt": b"quiet\n", "more.txt": b"more\n"}, 3),
        "more.txt": ({"more.txt": b"more\n"}, 0),
    }
    assert run.leaks == ()
    assert hub.push_to_pull_request(pull.number, {"README.md": "x\n"})[0].sha != run.sha
    merged = run_of(hub.merge(pull.number))
    assert (merged.event, merged.conclusion, merged.sha) == ("push", "success", hub.remote.commit_of("main"))
    assert asked == [("send", "own / use")]
    assert merged.job("use").environment == "send"
    assert str(len(KEY) + 7) in merged.job("use").log
    assert hub.open_pull_request("words", files={"README.md": "y\n"}).runs == ()
    loud = hub.dispatch("reconciler.yml", {"loud": True})
    assert loud.results["own / use"] == "skipped"
    assert loud.job("make").outputs == {"made": "LOUD-campaigns"}


def test_of_the_project_only_what_was_asked_for_is_there(make_hub: Callable[..., Hub]) -> None:
    called = f"""
on: {{workflow_call: null}}
jobs:
  look:
    runs-on: ubuntu-24.04
    steps:
      - uses: {CHECKOUT}
        with:
          repository: "${{{{ job.workflow_repository }}}}"
          ref: "${{{{ job.workflow_sha }}}}"
          sparse-checkout: .github/actions
      - run: find . -type f | sort
"""
    run = run_of(make_hub(called).push({".github/workflows/a.yml": CALL}))
    assert run.log.count("./pyproject.toml") == 1
    assert "own/write.sh" in run.log
    assert "long.md" not in run.log
    assert "called.yml" not in run.log


def test_an_action_beside_the_workflow_needs_no_clone(make_hub: Callable[..., Hub]) -> None:
    called = """
on: {workflow_call: {inputs: {on: {type: string, default: ubuntu-24.04}}}}
jobs:
  look:
    runs-on: ${{ inputs.on }}
    concurrency: {group: "look-${{ inputs.on }}", queue: max}
    steps: [{uses: $/.github/actions/beside}]
"""
    hub = make_hub(called)
    run = run_of(hub.push({".github/workflows/a.yml": CALL}))
    assert run.log.endswith("\n.github\nconstraints.txt\ndocs\npyproject.toml\n0\n")
    assert run.groups == {"a / look": ("look-ubuntu-24.04", False)}
    elsewhere = CALL.replace("@v1", "@v1\n    with: {on: windows-2025}")
    with pytest.raises(Refused, match="runs-on"):
        hub.push({".github/workflows/a.yml": elsewhere})
    with pytest.raises(Refused, match="own repository"):
        hub.push({".github/workflows/a.yml": None, **one_job({"uses": "$/.github/actions/beside"})})


def test_a_rejected_environment_and_a_failed_job(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub(secrets={"LEADTERRA_API_KEY": KEY}, approve=lambda _environment, _job: False)
    run = run_of(hub.push({".github/workflows/reconciler.yml": CALLER}))
    assert run.conclusion == "failure"
    assert run.results["own / use"] == "failure"
    assert run.results["own / never"] == "skipped"
    assert run.job("use").steps == ()


def test_a_job_is_skipped_by_any_that_was_skipped_behind_it(make_hub: Callable[..., Hub]) -> None:
    files = jobs_of(
        a={"if": False},
        b={"needs": "a", "if": "always()"},
        c={"needs": "b"},
        d={"needs": ["b", "a"], "if": "!cancelled() && needs.a.result == 'skipped'"},
        e={"needs": "d", "if": "failure()"},
    )
    run = run_of(make_hub().push(files))
    assert run.results == {"a": "skipped", "b": "success", "c": "skipped", "d": "success", "e": "skipped"}


def test_what_fails_and_what_goes_on(make_hub: Callable[..., Hub]) -> None:
    files = one_job(
        {"run": "false | true; echo piped"},
        {"run": "exit 3", "continue-on-error": True, "id": "forgiven"},
        {"run": "echo ${{ steps.forgiven.outcome }}, ${{ steps.forgiven.conclusion }}"},
        {"run": "false | true; echo piped", "shell": "bash", "id": "broken"},
        {"run": "echo not reached", "id": "skipped"},
        {"run": "echo ${{ job.status }}", "if": "failure()", "id": "last"},
    )
    run = run_of(make_hub().push(files))
    steps = run.job("it").steps
    assert [(step.outcome, step.conclusion, step.code) for step in steps] == [
        ("success", "success", 0),
        ("failure", "success", 3),
        ("success", "success", 0),
        ("failure", "failure", 1),
        ("skipped", "skipped", None),
        ("success", "success", 0),
    ]
    assert "failure, success\n" in steps[2].log
    assert steps[5].log.endswith("\nfailure\n")


def test_files_of_commands(make_hub: Callable[..., Hub]) -> None:
    files = one_job(
        {"run": 'mkdir tools; printf "#!/bin/sh\\necho mine" > tools/own; chmod +x tools/own; '
                'echo "$PWD/tools" >> "$GITHUB_PATH"'},
        {"run": 'own; printf "a=1\\nb<<E\\nx\\ny\\nE\\n" >> "$GITHUB_OUTPUT"', "id": "o"},
        {"run": 'echo "SET=to this" >> "$GITHUB_ENV"'},
        {"run": 'echo "$SET, ${{ env.SET }}, $JOB"; printf "%s" "$B"', "env": {"B": "${{ steps.o.outputs.b }}"}},
        {"run": 'echo nonsense >> "$GITHUB_OUTPUT"', "id": "wrong"},
        env={"JOB": "${{ github.job }}"},
    )  # fmt: skip
    run = run_of(make_hub().push(files))
    job = run.job("it")
    assert "\nmine\n" in job.log
    assert job.step("o").outputs == {"a": "1", "b": "x\ny"}
    assert job.steps[3].log.endswith("\nto this, to this, it\nx\ny\n")
    assert "Invalid format 'nonsense'" in job.step("wrong").log
    assert job.result == "failure"


def test_secrets_are_starred_and_leaks_are_told(make_hub: Callable[..., Hub]) -> None:
    files = one_job(
        {"run": "echo hello", "env": {"WHO": "ada@example.com"}},
        {"run": "echo ::add-mask::ada@example.com; echo to ada@example.com", "id": "mask"},
        {"run": "echo ada@example.com", "env": {"KEY": "${{ secrets.KEY }}"}},
        {"run": 'echo "the key: $KEY"; echo "$KEY" >> "$GITHUB_STEP_SUMMARY"', "env": {"KEY": "${{ secrets.KEY }}"}},
    )
    run = run_of(make_hub(secrets={"KEY": KEY}).push(files))
    assert "  WHO: ada@example.com\n" in run.job("it").steps[0].log
    assert run.job("it").step("mask").log.endswith("\n::add-mask::***\nto ***\n")
    assert KEY not in run.log + run.job("it").summary
    told = [(leak.value, leak.where) for leak in run.leaks]
    assert told.count(("ada@example.com", "Run echo hello")) == 1
    assert ("ada@example.com", "Run echo ::add-mask::ada@example.com; echo to ada@example.com") in told
    assert {where for value, where in told if value == KEY} == {"summary", run.job("it").steps[3].name}
    assert not [leak for leak in run.leaks if "KEY: ***" in leak.line and leak.value != KEY]


def test_nothing_is_leaked_by_a_header_with_a_secret(make_hub: Callable[..., Hub]) -> None:
    files = one_job({"run": "echo ${#KEY}", "env": {"KEY": "${{ secrets.KEY }}"}})
    run = run_of(make_hub(secrets={"KEY": KEY}).push(files))
    assert run.leaks == ()
    assert "  KEY: ***\n" in run.log


def test_strangers_text_behind_stopped_commands_is_none(make_hub: Callable[..., Hub]) -> None:
    files = one_job(
        {"run": "echo ::stop-commands::end; echo ::error::a; echo ::error::c; echo ::end::; echo ::error::b"}
    )
    run = run_of(make_hub().push(files))
    assert [command.message for command in run.job("it").commands] == ["b"]


GIT_PUSH = (
    'git -c user.name=t -c user.email=t@example.com commit --quiet --allow-empty -m x && '
    'git -c "http.$GITHUB_SERVER_URL/.extraheader=AUTHORIZATION: basic $(printf "x-access-token:$TOKEN" | base64 -w0)" '
    "push --quiet origin HEAD:refs/heads/other"
)  # fmt: skip


@pytest.mark.parametrize(("level", "result"), [("read", "failure"), ("write", "success")])
def test_git_lets_in_what_the_job_may(make_hub: Callable[..., Hub], level: str, result: str) -> None:
    files = one_job(
        {"uses": CHECKOUT, "with": {"persist-credentials": False, "fetch-depth": 0}},
        {"run": "git push --quiet origin HEAD:refs/heads/without", "continue-on-error": True, "id": "without"},
        {"run": GIT_PUSH, "env": {"TOKEN": "${{ github.token }}"}, "id": "with"},
        permissions={"contents": level},
    )
    hub = make_hub()
    job = run_of(hub.push(files)).job("it")
    assert job.step("without").outcome == "failure"
    assert job.step("with").outcome == result
    assert hub.remote.has("refs/heads/other") == (level == "write")
    pushes = [call.status for call in hub.calls if call.query == {"service": "git-receive-pack"}]
    assert pushes[-1] == (200 if level == "write" else 403)


@pytest.mark.parametrize("depth", ["0", "1"])
def test_a_clone_keeps_its_token_unless_told_not_to(make_hub: Callable[..., Hub], depth: str) -> None:
    files = one_job(
        {"uses": CHECKOUT, "with": {"fetch-depth": depth}},
        {"run": "git fetch --quiet origin && git status --short --branch && git log --oneline | wc -l", "id": "look"},
    )
    hub = make_hub()
    pushed = run_of(hub.push(files))
    assert "## main...origin/main" in pushed.job("it").step("look").log
    opened = run_of(hub.open_pull_request("topic", files={"a": "b"}).runs)
    assert "HEAD (no branch)" in opened.job("it").step("look").log
    assert opened.log.endswith("\n1\n" if depth == "1" else "\n4\n")
    assert opened.leaks == ()


def test_a_token_reads_nothing_without_contents(make_hub: Callable[..., Hub]) -> None:
    run = run_of(make_hub().push(one_job({"uses": CHECKOUT}, permissions={})))
    assert run.conclusion == "failure"


COMMENTS = """
set -euo pipefail
gh api --method POST repos/acme/campaigns/issues/1/comments -f body=hello > made.json
jq -r '.user.login + " " + .performed_via_github_app.slug' made.json
id=$(jq .id made.json)
printf '{"body": "changed"}' | gh api --method PATCH --input - "repos/acme/campaigns/issues/comments/$id" > /dev/null
gh api --method POST repos/acme/campaigns/issues/1/comments -F body=@made.json > /dev/null
gh api --paginate --slurp 'repos/acme/campaigns/issues/1/comments?per_page=2' | jq -c 'map(length)'
gh api --paginate 'repos/acme/campaigns/issues/1/comments?per_page=1' | jq -c 'length'
gh api repos/acme/campaigns/issues/99/comments || echo "code $?"
head -c 70000 /dev/zero | tr '\\0' x > long
gh api repos/acme/campaigns/issues/1/comments -F body=@long || echo "code $?"
"""


def test_comments_by_gh(make_hub: Callable[..., Hub]) -> None:
    files = one_job(
        {"run": COMMENTS, "env": {"GH_TOKEN": "${{ github.token }}"}, "if": "github.event_name == 'pull_request'"},
        permissions={"pull-requests": "write"},
    )
    hub = make_hub()
    hub.push(files)
    hub.records.issue({"title": "before"}, {"login": "dev", "type": "User"}, None)
    assert hub.issues[0]["number"] == 1
    run = run_of(hub.open_pull_request("topic", files={"a": "b"}).runs)
    assert run.conclusion == "failure"
    assert "Resource not accessible by integration (HTTP 403)" in run.log
    assert hub.comments(1) == []
    refused = [call for call in hub.calls if call.status == 403]
    assert [(call.method, call.needed, call.job) for call in refused] == [("POST", {"issues": "write"}, "it")]


def test_comments_of_a_pull_request_by_gh(make_hub: Callable[..., Hub]) -> None:
    files = one_job(
        {"run": COMMENTS, "env": {"GH_TOKEN": "${{ github.token }}"}, "if": "github.event_name == 'pull_request'"},
        permissions={"pull-requests": "write"},
    )
    hub = make_hub()
    hub.push(files)
    run = run_of(hub.open_pull_request("topic", files={"a": "b"}).runs)
    assert run.conclusion == "success", run.log
    for line in (
        "github-actions[bot] github-actions",
        "\n[2]",
        "\n2",
        "gh: Not Found (HTTP 404)",
        "gh: Validation Failed (HTTP 422)",
        "Body is too long (maximum is 65536 characters)",
        "code 1",
    ):
        assert f"{line}\n" in run.log
    assert hub.comments(1)[0]["body"] == "changed"
    assert run.leaks == ()


@pytest.mark.parametrize("kind", [{"fork": True}, {"author": "dependabot[bot]"}])
def test_a_stranger_gets_no_secret_no_variable_and_may_write_nothing(
    make_hub: Callable[..., Hub], kind: Mapping[str, Any]
) -> None:
    files = one_job(
        {"run": COMMENTS, "env": {"GH_TOKEN": "${{ github.token }}"}, "continue-on-error": True, "id": "comment",
         "if": "github.event_name == 'pull_request'"},
        {"uses": CHECKOUT},
        {"run": "echo '[${{ secrets.KEY }}${{ vars.URL }}]' $FORK ${{ github.actor }}",
         "env": {"FORK": "${{ github.event.pull_request.head.repo.fork }}"}},
        permissions={"pull-requests": "write", "contents": "write"},
    )  # fmt: skip
    hub = make_hub(secrets={"KEY": KEY}, variables={"URL": "http://127.0.0.1"})
    assert "\n[***http://127.0.0.1] dev\n" in run_of(hub.push(files)).log
    pull = hub.open_pull_request("topic", files={"a": "b"}, **kind)
    job = run_of(pull.runs).job("it")
    assert job.permissions == {"pull-requests": "read", "contents": "read"}
    assert job.step("comment").outcome == "failure"
    assert f"\n[] {'true dev' if 'fork' in kind else 'false dependabot[bot]'}\n" in job.log
    assert hub.comments(pull.number) == []


ASK = """
set -euo pipefail
ask() { gh api "repos/acme/campaigns/$1" | jq -c "$2"; }
ask 'actions/artifacts?name=it' '[.artifacts[] | [.name, .expired, .workflow_run.head_branch]]'
gh api "repos/acme/campaigns/actions/artifacts/$(ask 'actions/artifacts?name=it' '.artifacts[0].id')/zip" > it.zip
unzip -p it.zip
ask "actions/runs/$GITHUB_RUN_ID" '[.event, .status, .path]'
ask 'actions/workflows/one.yml/runs?event=pull_request&status=success' '[.workflow_runs[] | .head_branch]'
ask 'pulls?state=closed' '[.[] | [.number, .merged_at != null, .base.ref]]'
ask "commits/$GITHUB_SHA/pulls" '[.[] | [.number, .merge_commit_sha]]'
"""


@pytest.mark.parametrize("squash", [False, True])
def test_runs_artifacts_and_pull_requests_by_gh(make_hub: Callable[..., Hub], *, squash: bool) -> None:
    files = one_job(
        {"run": "echo ${{ github.event_name }} > it.txt"},
        {"uses": UPLOAD, "with": {"name": "it", "path": "it.txt"}, "if": "github.event_name != 'push'"},
        {"run": ASK, "env": {"GH_TOKEN": "${{ github.token }}"}, "if": "github.event_name == 'push'"},
        permissions={"actions": "read", "pull-requests": "read"},
    )
    hub = make_hub()
    hub.commit(files)
    pull = hub.open_pull_request("topic", files={"a": "b"})
    run = run_of(hub.merge(pull.number, squash=squash))
    assert run.conclusion == "success", run.log
    assert run.log.partition("##[endgroup]\n")[2].endswith(
        '[["it",false,"topic"]]\npull_request\n["push","in_progress",".github/workflows/one.yml"]\n'
        f'["topic"]\n[[1,true,"main"]]\n[[1,"{run.sha}"]]\n'
    )
    git_parents = subprocess.run(
        ["git", "rev-list", "--parents", "-1", run.sha], cwd=hub.remote.folder, capture_output=True, check=True
    )
    assert len(git_parents.stdout.split()) == (2 if squash else 3)
    pull_request, recorded = hub.records.pulls[pull.number], hub.records.runs[run.id]
    assert pull_request["created_at"] < pull_request["merged_at"] < recorded["created_at"]


def test_a_schedule_says_which_and_of_no_repository(make_hub: Callable[..., Hub]) -> None:
    hub = make_hub()
    hub.commit(one_job({"run": "echo '[${{ github.event.schedule }}] [${{ github.event.repository.name }}]'"}))
    assert run_of(hub.schedule()).log.endswith("\n[5 4 * * *] []\n")
    assert hub.schedule("another.yml") == []


def test_what_artifacts_hold(make_hub: Callable[..., Hub]) -> None:
    files = one_job(
        {"run": "mkdir -p a/.b c .d && touch a/1 a/.2 a/.b/3 c/4 .d/5"},
        {"uses": UPLOAD, "with": {"name": "two", "path": "a\nc/4"}},
        {"uses": UPLOAD, "with": {"name": "hidden", "path": ".d"}},
        {"uses": UPLOAD, "with": {"name": "named", "path": ".d/5"}},
        {"uses": UPLOAD, "with": {"name": "named", "path": "a/1", "overwrite": True}},
        {"uses": UPLOAD, "with": {"name": "two", "path": "a"}, "id": "taken", "continue-on-error": True},
        {"uses": UPLOAD, "with": {"path": "z", "if-no-files-found": "error"}, "id": "none", "continue-on-error": True},
        {"uses": UPLOAD, "with": {"name": "a/b", "path": "a"}, "id": "name", "continue-on-error": True},
        {"uses": DOWNLOAD, "with": {"name": "hidden"}, "id": "missing", "continue-on-error": True},
    )
    run = run_of(make_hub().push(files))
    held = {name: sorted(item.files) for name, item in run.artifacts.items()}
    assert held == {"two": ["a/1", "c/4"], "named": ["1"]}
    failed = [step.id for step in run.job("it").steps if step.outcome == "failure"]
    assert failed == ["taken", "none", "name", "missing"]
    assert "No files were found" in run.job("it").steps[2].commands[0].message


def test_a_summary_that_is_too_long_is_lost(make_hub: Callable[..., Hub]) -> None:
    files = one_job({"run": "head -c 1100000 /dev/zero | tr '\\0' x >> $GITHUB_STEP_SUMMARY"})
    job = run_of(make_hub().push(files)).job("it")
    assert (job.result, job.summary) == ("success", "")
    assert "supports content up to a size of 1024k" in job.commands[0].message


def test_python_is_that_of_the_tests_but_for_installing(make_hub: Callable[..., Hub]) -> None:
    files = one_job(
        {"uses": CHECKOUT},
        {"uses": PYTHON, "with": {"python-version": "3.13"}, "id": "python"},
        {"run": "python -m venv v && v/bin/python -m pip install --quiet -c constraints.txt './project[dev]'"},
        {"run": "v/bin/reconciler --version && python -c 'import yaml'"},
        {"run": "pip install -c missing.txt ./project", "id": "missing", "continue-on-error": True},
        {"run": "python -I -m pip download x", "id": "unknown"},
    )
    hub = make_hub()
    job = run_of(hub.push({**files, "project/pyproject.toml": "", "constraints.txt": ""})).job("it")
    assert [step.outcome for step in job.steps] == ["success"] * 4 + ["failure"] * 2
    assert job.step("unknown").code == 2
    (install,) = hub.installs
    assert install["arguments"] == ["install", "--quiet", "-c", "constraints.txt", "./project[dev]"]


@pytest.mark.parametrize(
    ("steps", "job", "told"),
    [
        ([{"uses": "actions/checkout@v4"}], {}, "not pinned"),
        ([{"uses": f"actions/cache@{'1' * 40}"}], {}, "does not know"),
        ([{"uses": CHECKOUT, "with": {"lfs": True}}], {}, "does not know: lfs"),
        ([{"run": "x", "unless": "y"}], {}, "unknown: unless"),
        ([{"run": "print()", "shell": "python"}], {}, "shell"),
        ([{"run": "x", "if": "secrets.KEY"}], {}, "not to be had here"),
        ([{"run": "echo ${{ hashFiles('x') }}"}], {}, "no function"),
        ([{"run": "echo ::set-output name=a::b"}], {}, "no longer"),
        ([{"run": "echo CI=false >> $GITHUB_ENV"}], {}, "must not set"),
        ([{"run": "sleep 20"}], {}, "timed out"),
        ([{"run": "gh api /user || true", "env": {"GH_TOKEN": "${{ github.token }}"}}], {}, "emulator does not know"),
        ([], {"strategy": {}}, "unknown: strategy"),
        ([], {"permissions": {"everything": "read"}}, "no such permission"),
        ([], {"permissions": "write-all"}, "not a mapping"),
        ([], {"needs": "nobody"}, "needed, but not there"),
        ([], {"runs-on": "windows-2025"}, "runs-on"),
        ([], {"outputs": {"key": "${{ secrets.KEY }}"}}, "holds a secret"),
    ],
)
def test_what_is_unknown_is_refused(
    make_hub: Callable[..., Hub], steps: list[Mapping[str, Any]], job: Mapping[str, Any], told: str
) -> None:
    hub = make_hub(secrets={"KEY": KEY}, step_seconds=1.5)
    with pytest.raises(Refused, match=told):
        hub.push(one_job(*steps, **job))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("on: pull_request_target\njobs: {}", "does not know"),
        ("on: {push: {tags: [v1]}}\njobs: {}", "unknown: tags"),
        ("on: push\non: push\njobs: {}", "twice"),
        ("on: push\nconcurrency: {group: a, queue: max, cancel-in-progress: true}\njobs: {}", "queue"),
        ("on: push\njobs: {a: {uses: x/reconciler/.github/workflows/a.yml@v1, secrets: inherit}}", "one by one"),
        ("on: push\njobs: {a: {runs-on: ubuntu-24.04, steps: [{run: x, if: 'a ='}]}}", "no expression"),
    ],
)
def test_workflow_files_that_are_refused(source: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        load(source, "x.yml")


def test_an_action_names_its_shells() -> None:
    with pytest.raises(Refused, match="shell"):
        load_action("runs: {using: composite, steps: [{run: x}]}", "action.yml")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("permissions:\n  contents: read", "permissions: {}", "is only allowed 'contents: none'"),
        ("loud: ${{ inputs.loud || false }}", "loud: a", "no boolean"),
        ("loud: ${{ inputs.loud || false }}", "quiet: true", "unknown: quiet"),
        ("      key: ${{ secrets", "      kex: ${{ secrets", "missing or unknown"),
        ("called.yml@v1", "another.yml@v1", "has no"),
    ],
)
def test_a_call_that_github_would_not_make(make_hub: Callable[..., Hub], before: str, after: str, told: str) -> None:
    assert before in CALLER
    with pytest.raises(Refused, match=told):
        make_hub().push({".github/workflows/a.yml": CALLER.replace(before, after)})


def test_a_caller_in_the_group_of_what_it_calls_never_ends(make_hub: Callable[..., Hub]) -> None:
    group = "concurrency: {group: 'apply-${{ github.ref }}', cancel-in-progress: false}\n"
    with pytest.raises(Refused, match="a deadlock"):
        make_hub(group + CALLED).push({".github/workflows/a.yml": group + CALLER})


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("specs/**", "specs/a/b.yaml", True),
        ("specs/*", "specs/a/b.yaml", False),
        ("**/*.yaml", "a.yaml", True),
        ("main", "main", True),
        ("main", "mainly", False),
    ],
)
def test_filters(pattern: str, path: str, *, fits: bool) -> None:
    assert matches([pattern], [path]) is fits
