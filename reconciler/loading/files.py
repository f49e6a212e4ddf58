"""Finding the files under `specs/` and reading them, within limits."""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.diagnostics import Diagnostic, SourceRange, error
from reconciler.loading.confine import RefusedPathError, resolve

MAX_FILE_BYTES = 1_000_000
_SUFFIXES = (".yaml", ".yml")


@dataclass
class SpecFiles:
    """What was found. Names are relative to `root` (absolute, no links) and sorted; `specs` is such a name, too."""

    root: Path
    specs: str
    workspace: str | None = None
    campaigns: list[str] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def name(self, *parts: str) -> str:
        """Return the name of something below `specs`."""
        return "/".join((self.specs, *parts) if self.specs != "." else parts)


def find(specs: Path) -> SpecFiles:
    """Find workspace and campaign files. A folder without campaigns is an error, never "remove everything"."""
    # A link is looked at where it stands: it must not choose another repository.
    place = specs.absolute().parent.resolve() / specs.name if specs.is_symlink() else specs.resolve()
    root = repository_root(place)
    found = SpecFiles(root=root, specs=place.relative_to(root).as_posix())
    if not _is_allowed(found, found.specs):
        return found
    if not place.is_dir():
        found.diagnostics.append(
            error(
                "no-specs",
                f"There is no folder `{found.specs}`.",
                hint="Run this where `specs` is, name the folder with --specs, or begin with `reconciler init`.",
                at=SourceRange(file=found.specs),
            )
        )
        return found
    _find_workspace(found)
    folder = found.name("campaigns")
    if (root / folder).is_symlink():
        found.diagnostics.append(_link_to_folder(folder))
    elif (root / folder).is_dir():
        _walk(found, folder)
        found.campaigns.sort()
    if not found.campaigns and not found.diagnostics:
        found.diagnostics.append(
            error(
                "no-campaigns",
                f"There is no campaign in `{folder}`. An empty folder never means that everything is to be removed.",
                hint="Write one with `reconciler new KEY`; set `status: archived` in a campaign that is to end.",
                at=SourceRange(file=folder),
            )
        )
    return found


def read(found: SpecFiles, name: str) -> str | Diagnostic:
    """Read one file as text, or say why not: not a regular file, over 1 MB, not UTF-8 (a BOM is fine)."""
    at = SourceRange(file=name)
    path = found.root / name
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return error("file-kind", "This is no regular file.", hint="Put a text file here.", at=at)
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as problem:
        return error("file-unreadable", f"The file cannot be read: {_reason(problem)}.", at=at)
    if len(content) > MAX_FILE_BYTES:
        return error(
            "file-too-large",
            "The file is larger than 1 MB.",
            hint="One file holds one campaign; long bodies go into templates.",
            at=at,
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        before = content[: problem.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8-sig", "replace")) + 1
        return error(
            "file-encoding",
            "The file is not UTF-8 text.",
            hint="Save it again as UTF-8.",
            at=SourceRange(file=name, line=line, column=column),
        )


def repository_root(specs: Path) -> Path:
    """Return the folder of git's repository, or else the one that contains `specs`."""
    return next((folder for folder in (specs, *specs.parents) if (folder / ".git").exists()), specs.parent)


def _find_workspace(found: SpecFiles) -> None:
    name = found.name("workspace.yaml")
    other = found.name("workspace.yml")
    if os.path.lexists(found.root / other):
        found.diagnostics.append(
            error("file-name", "This file is not read.", hint="Call it `workspace.yaml`.", at=SourceRange(file=other))
        )
    if os.path.lexists(found.root / name) and _is_allowed(found, name):
        found.workspace = name


def _walk(found: SpecFiles, folder: str) -> None:
    folders = [folder]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(found.root / folder))
        except OSError as problem:
            message = f"The folder cannot be read: {_reason(problem)}."
            found.diagnostics.append(error("file-unreadable", message, at=SourceRange(file=folder)))
            continue
        for entry in entries:
            name = f"{folder}/{entry.name}"
            is_link = entry.is_symlink()
            is_folder = os.path.isdir(found.root / name) if is_link else entry.is_dir()  # noqa: PTH112 - loops are False
            if entry.name.startswith((".", "#")) or not (is_folder or entry.name.lower().endswith(_SUFFIXES)):
                continue
            if not _is_text(entry.name):
                found.diagnostics.append(_bad_name(name))
            elif is_folder and is_link:
                found.diagnostics.append(_link_to_folder(name))
            elif is_folder:
                folders.append(name)
            elif not is_link or _is_allowed(found, name):
                found.campaigns.append(name)


def _is_text(name: str) -> bool:
    """Whether a file name could be decoded; Python keeps other bytes as lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _bad_name(name: str) -> Diagnostic:
    shown = name.encode(errors="backslashreplace").decode()
    return error("file-name", "The file name is not UTF-8.", hint="Rename it.", at=SourceRange(file=shown))


def _link_to_folder(name: str) -> Diagnostic:
    return error(
        "file-link",
        "This is a link to a folder; such links are not followed.",
        hint="Put the files themselves here.",
        at=SourceRange(file=name),
    )


def _is_allowed(found: SpecFiles, name: str) -> bool:
    try:
        resolve(str(found.root), "", name)
    except RefusedPathError as problem:
        found.diagnostics.append(
            error(
                "file-outside",
                f"This file may not be read: {problem}.",
                hint="Put the file itself here instead of a link.",
                at=SourceRange(file=name),
            )
        )
        return False
    return True


def _reason(problem: OSError) -> str:
    return (problem.strerror or type(problem).__name__).lower()
