"""The actions that the player does itself: checkout, setup-python, and those for artifacts."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.actions.ground import ActionFailed, Used
from support.actions.pyshim import make_python
from support.actions.records import now
from support.actions.results import Artifact
from support.actions.values import Refused


@dataclass(frozen=True)
class Known:
    """An action: its inputs with their defaults, and what it does; it returns its outputs."""

    inputs: Mapping[str, str]
    play: Callable[[Used], Mapping[str, str]]


def _yes(item: str) -> bool:
    if item.lower() not in ("true", "false"):
        raise ActionFailed(f"Input does not meet YAML 1.2 'Core Schema' specification: {item}")
    return item.lower() == "true"


# checkout


def _checkout(used: Used) -> Mapping[str, str]:
    room, inputs = used.room, used.inputs
    folder = room.inside(inputs["path"])
    if folder.is_dir():
        for item in folder.iterdir():
            shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    if inputs["repository"] == room.ground.repository:
        return _clone(used, folder)
    if inputs["repository"] == room.source[0]:
        return _project(used, folder)
    raise Refused(f"a repository that the player does not have: {inputs['repository']}")


def _clone(used: Used, folder: Path) -> Mapping[str, str]:
    room, inputs, github = used.room, used.inputs, used.room.contexts["github"]
    url = f"{room.ground.url}/{inputs['repository']}"
    setting = f"http.{room.ground.url}/.extraheader"
    encoded = base64.b64encode(f"x-access-token:{inputs['token']}".encode()).decode()
    room.log.mask(encoded)
    environ = room.environ({})

    def git(*arguments: str, fatal: bool = True) -> str:
        used.log.say(f"[command]/usr/bin/git {' '.join(arguments)}")
        code, said = room.call(["git", *arguments], environ, folder)
        used.log.output(said)
        if code and fatal:
            raise ActionFailed(f"The process '/usr/bin/git' failed with exit code {code}")
        return said.strip()

    ref = inputs["ref"] or github["ref"]
    commit = inputs["ref"] if re.fullmatch(r"[0-9a-f]{40}", inputs["ref"]) else "" if inputs["ref"] else github["sha"]
    if commit == inputs["ref"]:
        local, start = "", commit
    elif ref.startswith("refs/pull/"):
        local, start = "", f"refs/remotes/pull/{ref.removeprefix('refs/pull/')}"
    else:
        local = ref.removeprefix("refs/heads/")
        start = f"refs/remotes/origin/{local}"
    wanted = f"+{commit or f'refs/heads/{local}'}:{start}" if start != commit else commit
    git("init", "--quiet", str(folder))
    git("remote", "add", "origin", url)
    git("config", "--local", setting, f"AUTHORIZATION: basic {encoded}")
    depth = int(inputs["fetch-depth"])
    if depth:
        git("fetch", "--quiet", "--no-tags", "--prune", f"--depth={depth}", "origin", wanted)
    else:
        everything = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        pulled = [wanted] if start.startswith("refs/remotes/pull/") or not local else []
        git("fetch", "--quiet", "--prune", "origin", *everything, *pulled)
    if lines := inputs["sparse-checkout"].split():
        cone = _yes(inputs["sparse-checkout-cone-mode"])
        git("sparse-checkout", "set", *([] if cone else ["--no-cone"]), *lines)
    git("checkout", "--quiet", "--force", *(["-B", local, start] if local else ["--detach", start]))
    if not _yes(inputs["persist-credentials"]):
        git("config", "--local", "--unset-all", setting)
    return {"ref": ref, "commit": git("log", "-1", "--format=%H")}


def _project(used: Used, folder: Path) -> Mapping[str, str]:
    sha = used.room.source[1]
    if used.inputs["ref"] != sha:
        raise Refused(f"the project is there at {sha} only, not at {used.inputs['ref']!r}")
    if not _yes(used.inputs["sparse-checkout-cone-mode"]):
        raise Refused("of the project whole folders are copied only")
    copy_project(used.room.ground.project, folder, [line.strip("/") for line in used.inputs["sparse-checkout"].split()])
    return {"ref": sha, "commit": sha}


def copy_project(project: Path, folder: Path, cone: Sequence[str] = ()) -> None:
    """Copy the project's tracked files as they are in its working tree; of a cone only what a sparse checkout has."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=project, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        source = project / name
        if source.is_file() and (not cone or _in_cone(name, cone)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / name, follow_symlinks=False)


def _in_cone(name: str, folders: Sequence[str]) -> bool:
    """Tell whether a sparse checkout of these folders has a file: git takes the files of their parents along."""
    parent = name.rpartition("/")[0]
    return any(
        name.startswith(f"{folder}/") or f"{folder}/".startswith(f"{parent}/") or not parent for folder in folders
    )


# setup-python


def _setup_python(used: Used) -> Mapping[str, str]:
    room = used.room
    tool = room.folder / "tool" / "python"
    (tool / "bin").mkdir(parents=True, exist_ok=True)
    make_python(tool / "bin", room.ground.installs)
    if _yes(used.inputs["update-environment"]):
        room.path.append(str(tool / "bin"))
        room.env["pythonLocation"] = str(tool)
    version = ".".join(map(str, sys.version_info[:3]))
    return {"python-version": version, "python-path": str(tool / "bin" / "python"), "cache-hit": "false"}


# Artifacts


def _upload(used: Used) -> Mapping[str, str]:
    room, inputs = used.room, used.inputs
    archived = _yes(inputs["archive"])
    files = dict(_found(used))
    if not files:
        message = f"No files were found with the provided path: {inputs['path']}. No artifacts will be uploaded."
        if inputs["if-no-files-found"] == "error":
            raise ActionFailed(message)
        if inputs["if-no-files-found"] == "warn":
            used.log.output(f"::warning::{message}")
        elif inputs["if-no-files-found"] != "ignore":
            raise Refused(f"if-no-files-found: {inputs['if-no-files-found']}")
        return {}
    if not archived and len(files) != 1:
        raise ActionFailed("When 'archive' is set to false, only a single file can be uploaded.")
    name = inputs["name"] if archived else next(iter(files))
    if not name or set(name) & set('":<>|*?\r\n\\/'):
        raise ActionFailed(f"The artifact name is not valid: {name}.")
    records = room.ground.records
    with records.lock:
        taken = [key for key, item in records.artifacts.items() if item.run == room.run and item.name == name]
        if taken and not _yes(inputs["overwrite"]):
            raise ActionFailed("Failed to CreateArtifact: (409) Conflict: an artifact with this name already exists")
        for key in taken:
            del records.artifacts[key]
        key = records.id()
        records.artifacts[key] = Artifact(
            key, name, files, archived, int(inputs["retention-days"] or 0), room.run, now()
        )
    used.log.say(f"Artifact {name} has been successfully uploaded! Artifact ID is {key}")
    digest = hashlib.sha256(b"".join(files.values())).hexdigest()
    url = f"{room.ground.url}/{room.ground.repository}/actions/runs/{room.run}/artifacts/{key}"
    return {"artifact-id": str(key), "artifact-url": url, "artifact-digest": digest}


def _found(used: Used) -> Iterator[tuple[str, bytes]]:
    """Yield what the paths name, below the longest folder that they share; what is hidden stays out."""
    lines = [line.strip() for line in used.inputs["path"].splitlines() if line.strip()]
    if wild := [line for line in lines if set(line) & set("*?[]!~")]:
        raise Refused(f"paths that the player does not search: {', '.join(wild)}")
    hidden = _yes(used.inputs["include-hidden-files"])
    places = [Path(os.path.normpath(used.room.workspace / line)) for line in lines]
    files = [file for place in places for file in _files(place, hidden=hidden)]
    root = Path(os.path.commonpath(places)) if places else used.room.workspace
    if len(files) == 1 and root == files[0]:
        root = root.parent
    for file in files:
        yield str(file.relative_to(root)), file.read_bytes()


def _files(place: Path, *, hidden: bool) -> Iterator[Path]:
    if place.name.startswith(".") and not hidden:
        return
    if place.is_file():
        yield place
    elif place.is_dir():
        for item in sorted(place.iterdir()):
            yield from _files(item, hidden=hidden)


def _download(used: Used) -> Mapping[str, str]:
    room, name = used.room, used.inputs["name"]
    with room.ground.records.lock:
        found = [item for item in room.ground.records.artifacts.values() if item.run == room.run and item.name == name]
    if not found:
        raise ActionFailed(f"Unable to download artifact(s): Artifact not found for name: {name}")
    folder = room.workspace / used.inputs["path"]
    for path, content in found[-1].files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return {"download-path": str(folder)}


KNOWN: Mapping[str, Known] = {
    "actions/checkout": Known(
        {
            "repository": "${{ github.repository }}",
            "ref": "",
            "token": "${{ github.token }}",
            "path": ".",
            "fetch-depth": "1",
            "persist-credentials": "true",
            "sparse-checkout": "",
            "sparse-checkout-cone-mode": "true",
        },
        _checkout,
    ),
    "actions/setup-python": Known({"python-version": "", "update-environment": "true"}, _setup_python),
    "actions/upload-artifact": Known(
        {
            "name": "artifact",
            "path": "",
            "if-no-files-found": "warn",
            "retention-days": "",
            "overwrite": "false",
            "archive": "true",
            "include-hidden-files": "false",
        },
        _upload,
    ),
    "actions/download-artifact": Known({"name": "", "path": "."}, _download),
}
