"""What the workflows do at GitHub beside running reconciler: one comment, one issue, the plans that were reviewed.

Needs Python 3.10 and `gh`, both of which runners have, and nothing else. Each call is made with `gh api` and the token
in GH_TOKEN.
"""

import argparse
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

ROBOT = "github-actions[bot]"
"""Who writes with a job's token. Nobody else can, so a marker in another person's text finds nothing."""

MARKER = "<!-- reconciler:"
MOST_PULL_REQUESTS = 100
_NO_PLAN = (
    "has no plan that can be used: it came from a fork or a robot, was merged before its plan was made, or the plan is "
    "no longer kept. What only it has shown is done when this workflow is run by hand."
)
BY_HAND = "workflow_dispatch"
SENDS = "irreversible"


class RefusedError(Exception):
    """A call that GitHub did not carry out; says which, and why."""


def main() -> int:
    """Run one of the subcommands; 1 where it could not be done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(required=True)
    for run, options in (
        (comment, ("--number", "--file", "--head")),
        (issue, ("--title", "--file", "--found")),
        (reviewed, ("--name", "--branch", "--out")),
        (sends, ("--plan", "--event")),
    ):
        command = commands.add_parser(run.__name__, help=(run.__doc__ or "").partition("\n")[0])
        command.set_defaults(run=run)
        for option in options:
            command.add_argument(option, required=True)
    chosen = vars(parser.parse_args())
    run = chosen.pop("run")
    try:
        run(**chosen)
    except RefusedError as problem:
        sys.stdout.write(f"::error title=Not done::{_data(str(problem))}\n")
        return 1
    return 0


def comment(number: str, file: str, head: str) -> None:
    """Write the comment of a pull request that begins with the marker of a file, or update it in place.

    Nothing is written where the pull request has a newer commit by now: its own run tells of that.
    """
    if _get(f"pulls/{number}")["head"]["sha"] != head:
        _say("there is a newer commit, whose run writes the comment")
        return
    text = Path(file).read_text(encoding="utf-8")
    mine = [found for found in _listed(f"issues/{number}/comments") if _is_mine(found, _marker(text))]
    if not mine:
        _call(f"issues/{number}/comments", "POST", {"body": text})
        _say("wrote the comment")
        return
    first, *others = mine
    if first["body"] != text:
        _call(f"issues/comments/{first['id']}", "PATCH", {"body": text})
    for other in others:
        _call(f"issues/comments/{other['id']}", "DELETE")
    _say("updated the comment")


def issue(title: str, file: str, found: str) -> None:
    """Open or update the one issue that begins with the marker of a file; close it where nothing was found."""
    text = Path(file).read_text(encoding="utf-8")
    mine = [
        item for item in _listed("issues?state=open") if "pull_request" not in item and _is_mine(item, _marker(text))
    ]
    if found == "true":
        if mine:
            _call(f"issues/{mine[0]['number']}", "PATCH", {"title": title, "body": text})
        else:
            _call("issues", "POST", {"title": title, "body": text})
        _say("updated the issue" if mine else "opened an issue")
        return
    for item in mine:
        _call(f"issues/{item['number']}", "PATCH", {"body": text, "state": "closed", "state_reason": "completed"})
    _say("closed the issue" if mine else "there is nothing to tell")


def reviewed(name: str, branch: str, out: str) -> None:
    """Bring the plans that the pull requests showed which were merged since the last run of this workflow succeeded.

    They only narrow down what is done: it is the files of the branch that are planned, and somebody merged those. Files
    are named so that the last one in order of names is the newest.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    since = _last_success(branch)
    found = 0
    for pull in sorted(_merged(branch, since), key=lambda item: item["merged_at"]):
        number, head = pull["number"], pull["head"]["sha"]
        plan = _plan_of(f"{name}-plan-{number}", head, merged_at=pull["merged_at"])
        if plan is None:
            sys.stdout.write(f"::notice title=No plan::Pull request {number} {_NO_PLAN}\n")
            continue
        found += 1
        (folder / f"{found:04}-{number}.json").write_bytes(plan)
        _say(f"pull request {number} was reviewed at {head[:7]}")
    _say(f"{found} reviewed {'plan' if found == 1 else 'plans'} since {since or 'the beginning'}")


def sends(plan: str, event: str) -> None:
    """Tell whether a plan would send anything, now or later, that nobody has approved yet.

    What was approved is left to the schedule; whoever starts the workflow by hand does not want to wait for that.
    """
    found = json.loads(Path(plan).read_text(encoding="utf-8"))
    ready = any(item["effect"] == SENDS and item["status"] == "ready" for item in found["actions"])
    _output(sends="true" if found["summary"]["unapproved"] or (ready and event == BY_HAND) else "false")


def _last_success(branch: str) -> str | None:
    """Return when the last run of this workflow began that succeeded and was not a scheduled one."""
    workflow = _get(f"actions/runs/{os.environ['GITHUB_RUN_ID']}")["workflow_id"]
    began = []
    for event in ("push", BY_HAND):
        path = f"actions/workflows/{workflow}/runs?branch={branch}&event={event}&status=success&per_page=1"
        began += [item["created_at"] for item in _get(path)["workflow_runs"]]
    return max(began, default=None)


def _merged(branch: str, since: str | None) -> Iterator[dict[str, Any]]:
    path = f"pulls?state=closed&base={branch}&sort=updated&direction=desc&per_page={MOST_PULL_REQUESTS}"
    for pull in _get(path):
        if pull["merged_at"] is not None and (since is None or pull["merged_at"] > since):
            yield pull


def _plan_of(name: str, head: str, *, merged_at: str) -> bytes | None:
    """Return the plan that was made of a commit before it was merged, out of the newest artifact of that name."""
    for artifact in _get(f"actions/artifacts?name={name}&per_page=100")["artifacts"]:
        in_time = artifact["workflow_run"]["head_sha"] == head and artifact["created_at"] <= merged_at
        if in_time and not artifact["expired"]:
            try:
                with zipfile.ZipFile(BytesIO(_raw(f"actions/artifacts/{artifact['id']}/zip"))) as content:
                    return content.read("plan.json")
            except (zipfile.BadZipFile, KeyError):
                continue
    return None


def _marker(text: str) -> str:
    marker = text.partition("\n")[0].strip()
    if not marker.startswith(MARKER):
        raise RefusedError("the file does not begin with a marker of reconciler")
    return marker


def _is_mine(item: dict[str, Any], marker: str) -> bool:
    return (item["user"] or {}).get("login") == ROBOT and (item["body"] or "").partition("\n")[0].strip() == marker


def _listed(path: str) -> list[dict[str, Any]]:
    joint = "&" if "?" in path else "?"
    pages = json.loads(_gh("--paginate", "--slurp", _url(f"{path}{joint}per_page=100")))
    return [item for page in pages for item in page]


def _get(path: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(_raw(path))


def _raw(path: str) -> bytes:
    return _gh(_url(path))


def _call(path: str, method: str, body: dict[str, Any] | None = None) -> None:
    given = () if body is None else ("--input", "-")
    _gh("--method", method, *given, _url(path), given=json.dumps(body).encode() if body is not None else b"")


def _url(path: str) -> str:
    return f"repos/{os.environ['GITHUB_REPOSITORY']}/{path}"


def _gh(*arguments: str, given: bytes = b"") -> bytes:
    done = subprocess.run(["gh", "api", *arguments], input=given, capture_output=True, check=False)  # noqa: S603, S607 - own words; gh is where the runner has it
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise RefusedError(f"{arguments[-1]}: {said[-1] if said else 'no reason given'}")
    return done.stdout


def _output(**values: str) -> None:
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())


def _data(text: str) -> str:
    """Escape the message of a workflow command, as actions/toolkit does."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")


if __name__ == "__main__":
    sys.exit(main())
