"""Steps of a job and of composite actions, one behind the other."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.actions.expressions import Scope, condition, text, value
from support.actions.ground import ActionFailed, Room, Used
from support.actions.known import KNOWN, copy_project
from support.actions.logs import StepLog
from support.actions.results import StepResult
from support.actions.values import Refused, truthy
from support.actions.workflow import Step, load_action

_IF = ("github", "needs", "job", "runner", "env", "vars", "steps", "inputs")
_FILES = ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY", "STATE")
_LONGEST_SUMMARY = 1024 * 1024
# As the runner calls bash: with a shell named, a pipe fails with any part of it.
_SHELLS = {"": ("bash", "-e"), "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail")}


@dataclass
class Level:
    """The steps of a job, or those of one composite action in it: each sees only its own."""

    contexts: Mapping[str, Any]
    env: Mapping[str, str] = field(default_factory=dict)
    steps: dict[str, Any] = field(default_factory=dict)
    action: Path | None = None
    failed: bool = False


@dataclass
class _Ended:
    """What came of a step before `continue-on-error`."""

    code: int | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    inner: tuple[StepResult, ...] = ()
    failed: bool = False


def play(room: Room, steps: Sequence[Step], level: Level) -> tuple[StepResult, ...]:
    """Play steps, whatever fails; afterwards `level.failed` and the outputs in `level.steps` tell what came of it."""
    return tuple(_step(room, step, level) for step in steps)


def scope_of(room: Room, level: Level, env: Mapping[str, str] = {}) -> Scope:
    """Return what expressions at this point of a job see."""
    contexts = {
        **level.contexts,
        "job": {**level.contexts["job"], "status": "failure" if room.failed else "success"},
        "steps": level.steps,
        "env": {**room.env, **level.env, **env},
    }
    status = {
        "success": lambda: not level.failed,
        "failure": lambda: level.failed,
        "always": lambda: True,
        "cancelled": lambda: False,
    }
    return Scope(contexts, status)


def _step(room: Room, step: Step, level: Level) -> StepResult:
    outer = scope_of(room, level)
    places = Scope(outer.contexts)
    own = {name: text(item, places) for name, item in step.env.items()}
    scope = scope_of(room, level, own)
    places = Scope(scope.contexts)
    name = room.log.starred(text(step.name, places))
    if not condition(step.condition, Scope(scope.only(*_IF).contexts, scope.status)):
        if step.id:
            level.steps[step.id] = {"outputs": {}, "outcome": "skipped", "conclusion": "skipped"}
        return StepResult(name, step.id, "skipped", "skipped")
    log = StepLog(room.log, name)
    try:
        ended = _run(room, step, level, places, log) if step.run is not None else _uses(room, step, own, level, log)
    except ActionFailed as failed:
        log.fail(str(failed))
        ended = _Ended(failed=True)
    outcome = "failure" if ended.failed else "success"
    forgiven = ended.failed and truthy(value(step.continue_on_error, places))
    conclusion = "success" if forgiven else outcome
    if conclusion == "failure":
        level.failed = True
        if level.action is None:
            room.failed = True
    if step.id:
        level.steps[step.id] = {"outputs": ended.outputs, "outcome": outcome, "conclusion": conclusion}
    return StepResult(
        name,
        step.id,
        outcome,
        conclusion,
        ended.code,
        log.text + "".join(inner.log for inner in ended.inner),
        (*log.commands, *(command for inner in ended.inner for command in inner.commands)),
        room.log.starred(ended.summary) + "".join(inner.summary for inner in ended.inner),
        ended.outputs,
        ended.inner,
    )


def _run(room: Room, step: Step, level: Level, scope: Scope, log: StepLog) -> _Ended:
    script = text(step.run, scope)
    shell = text(step.shell, scope)
    if shell not in _SHELLS:
        raise Refused(f"a shell that the player does not know: {shell}")
    folder = room.workspace / text(step.folder, scope)
    env = scope.contexts["env"]
    place = room.temp / f"step-{room.number()}"
    place.mkdir()
    (place / "script.sh").write_text(script)
    for name in _FILES:
        (place / name).touch()
    lines = script.rstrip("\n").split("\n")
    log.head(f"Run {lines[0]}", [*lines, f"shell: {' '.join(_SHELLS[shell])} {{0}}"], {"env": env})
    if not folder.is_dir():
        raise ActionFailed(f"An error occurred trying to start process 'bash' with working directory '{folder}'.")
    own = {f"GITHUB_{name}": str(place / name) for name in _FILES}
    if level.action is not None:
        own["GITHUB_ACTION_PATH"] = str(level.action)
    code, said = room.call([*_SHELLS[shell], str(place / "script.sh")], room.environ(env, own), folder)
    log.output(said)
    failed = code != 0
    if failed:
        log.fail(f"Process completed with exit code {code}.")
    try:
        outputs, summary = _files(room, place, log)
    except ValueError as error:
        log.fail(f"Unable to process file command: {error}")
        return _Ended(code, failed=True)
    return _Ended(code, outputs, summary, failed=failed)


def _files(room: Room, place: Path, log: StepLog) -> tuple[dict[str, str], str]:
    """Take over what a step wrote into the files that it was given; returns its outputs and its summary."""
    for name, item in _pairs((place / "ENV").read_text()):
        if name.upper().startswith(("GITHUB_", "RUNNER_")) or name in ("CI", "NODE_OPTIONS"):
            raise Refused(f"a step must not set {name}")
        room.env[name] = item
    room.path.extend(line for line in (place / "PATH").read_text().splitlines() if line.strip())
    summary = (place / "STEP_SUMMARY").read_text()
    if len(summary.encode()) > _LONGEST_SUMMARY:
        log.fail("$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k")
        summary = ""
    room.summaries.append(summary)
    return dict(_pairs((place / "OUTPUT").read_text())), summary


def _pairs(content: str) -> Iterator[tuple[str, str]]:
    """Yield what `name=value` and `name<<END` lines say."""
    lines = iter(content.splitlines())
    for line in lines:
        if not line.strip():
            continue
        found = re.match(r"([^=]*?)(=|<<)(.*)", line)
        if not found or not found.group(1):
            raise ValueError(f"Invalid format '{line}'")
        if found.group(2) == "=":
            yield found.group(1), found.group(3)
            continue
        held = []
        for inner in lines:
            if inner == found.group(3):
                break
            held.append(inner)
        else:
            raise ValueError(f"Invalid value. Matching delimiter not found '{found.group(3)}'")
        yield found.group(1), "\n".join(held)


def _uses(room: Room, step: Step, own: Mapping[str, str], level: Level, log: StepLog) -> _Ended:
    assert step.uses is not None
    scope = Scope(scope_of(room, level, own).contexts)
    given = {name: text(item, scope) for name, item in step.inputs.items()}
    if step.uses.startswith(("./", "$/")):
        return _composite(room, step, {**level.env, **own}, given, log, scope)
    name, _, pin = step.uses.partition("@")
    if not re.fullmatch(r"[0-9a-f]{40}", pin):
        raise Refused(f"not pinned by a commit: {step.uses}")
    if name not in KNOWN:
        raise Refused(f"an action that the player does not know: {step.uses}")
    action = KNOWN[name]
    if unknown := set(given) - set(action.inputs):
        raise Refused(f"{name} is given what the player does not know: {', '.join(sorted(unknown))}")
    inputs = {**{key: text(item, scope) for key, item in action.inputs.items()}, **given}
    log.head(f"Run {step.uses}", [], {"with": {k: v for k, v in inputs.items() if v}, "env": scope.contexts["env"]})
    return _Ended(outputs=action.play(Used(room, inputs, log)))


def _place(room: Room, uses: str) -> Path:
    """Return the folder of a composite action: in the workspace, or beside the workflow that the job is of (`$/`)."""
    if uses.startswith("./"):
        return room.inside(uses)
    repository, sha = room.source
    if repository == room.ground.repository:
        raise Refused(f"an action of the user's own repository: {uses}")
    folder = room.ground.folder / "actions" / repository / sha
    if not folder.exists():
        copy_project(room.ground.project, folder)
    return folder / uses.removeprefix("$/")


def _composite(
    room: Room, step: Step, env: Mapping[str, str], given: Mapping[str, str], log: StepLog, scope: Scope
) -> _Ended:
    folder = _place(room, str(step.uses))
    files = [folder / name for name in ("action.yml", "action.yaml") if (folder / name).is_file()]
    if not files:
        raise ActionFailed(f"Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '{folder}'.")
    action = load_action(files[0].read_text(), str(step.uses))
    if unknown := set(given) - set(action.inputs):
        raise Refused(f"{step.uses} has no such inputs: {', '.join(sorted(unknown))}")
    if missing := [k for k, item in action.inputs.items() if item.get("required") and not given.get(k)]:
        raise Refused(f"{step.uses} needs: {', '.join(missing)}")
    defaults = scope.only("github", "job", "runner")
    inputs = {key: text(item.get("default"), defaults) for key, item in action.inputs.items()}
    inputs.update(given)
    log.head(f"Run {step.uses}", [], {"with": inputs, "env": scope.contexts["env"]})
    github = {**scope.contexts["github"], "action_path": str(folder)}
    contexts = {"github": github, "inputs": inputs, "job": scope.contexts["job"], "runner": scope.contexts["runner"]}
    level = Level(contexts, env, action=folder)
    inner = play(room, action.steps, level)
    # The runner tells an action's path to its steps, and not to its outputs.
    after = Scope({**scope_of(room, level).contexts, "github": scope.contexts["github"]})
    outputs = {name: text(item, after) for name, item in action.outputs.items()}
    return _Ended(outputs=outputs, inner=inner, failed=level.failed)
