"""Where a campaign's people come from: the path of the list, confined. The list itself is not read here."""

import re
import subprocess
from pathlib import Path

from reconciler.diagnostics import Diagnostic, SourceRange, error
from reconciler.loading.confine import RefusedPathError, real_name, resolve
from reconciler.loading.words import clipped
from reconciler.model.campaign import Leads, LeadsFile

OUTSIDE_PREFIX = "leads:"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_GIT_SECONDS = 20
_ENDING = re.compile(r"\.(?:(?:csv|tsv|txt|jsonl|ndjson)(?:\.gz)?|parquet)", re.IGNORECASE)
_WILD = re.compile(r"[*?\[]")
MOST_FILES = 1_000
"""A pattern that matches more files is refused."""


class LeadFinder:
    """Resolves the sources of lists; asks git at most once which files it tracks.

    `people_in_git`: lists that it tracks may hold real people.
    """

    def __init__(self, root: Path, leads_dir: Path | None, *, people_in_git: bool = False) -> None:
        self._root = root
        self._people_in_git = people_in_git
        self._leads_dir = leads_dir.resolve() if leads_dir else None
        self._tracked: frozenset[str] | None = None

    def find(self, written: LeadsFile, *, place: SourceRange, source_place: SourceRange) -> Leads | Diagnostic:
        """Return the leads with their path resolved, or say why the source may not be read.

        `place` is that of `leads`; `source_place` that of `source`, whose file the path is relative to.
        """
        try:
            paths, tracked = self._resolved(written.source, source_place.file or "")
        except RefusedPathError as problem:
            return error(
                "leads-source",
                f"`{clipped(written.source)}` may not be read: {problem}.",
                hint="Write `leads:NAME.csv` for a list in $RECONCILER_LEADS_DIR, or a path inside the repository. "
                "`*` stands for any part of a name.",
                at=source_place,
            )
        return Leads(
            source=written.source,
            paths=paths,
            tracked=tracked,
            columns=written.columns,
            fallbacks=written.fallbacks,
            fields=written.fields,
            exclude=written.exclude,
            limit=written.limit,
            part=written.share,
            where=written.where,
            skip_invalid=written.on_invalid == "skip",
            examples_only=tracked and not self._people_in_git,
            file=place.file or "",
            line=place.line or 1,
        )

    def _resolved(self, source: str, file: str) -> tuple[tuple[str, ...] | None, bool]:
        if source.startswith(OUTSIDE_PREFIX):
            name = source.removeprefix(OUTSIDE_PREFIX)
            if not name.strip():
                raise RefusedPathError("a file name must follow `leads:`")
            try:
                names = _list_names(self._leads_dir or Path("/nowhere"), "", name)
            except RefusedPathError as problem:
                raise RefusedPathError(str(problem).replace("the repository", "the folder of lists")) from None
            return (tuple(str(self._leads_dir / name) for name in names) if self._leads_dir else None), False
        if scheme := _SCHEME.match(source):
            raise RefusedPathError(f"`{scheme[0]}` is no source of lists")
        names = _list_names(self._root, file.rpartition("/")[0], source)
        return tuple(str(self._root / name) for name in names), not self._tracked_files().isdisjoint(names)

    def _tracked_files(self) -> frozenset[str]:
        if self._tracked is None:
            self._tracked = frozenset(_listed_by_git(self._root))
        return self._tracked


def _list_names(root: Path, folder: str, path: str) -> list[str]:
    """Return the names of the lists that a path means below `root`: one, there or not, or all of a pattern."""
    name = resolve(str(root), folder, _WILD.split(path)[0].rpartition("/")[0] or ".") if _WILD.search(path) else ""
    if not name or (root / folder / path).is_file():
        return [_list_name(root, folder, path)]
    pattern = path[len(_WILD.split(path)[0].rpartition("/")[0]) :].lstrip("/")
    if ".." in pattern.split("/"):
        raise RefusedPathError("`..` cannot follow a `*`")
    found: list[str] = []
    for match in (root / name).glob(pattern):
        there = match.relative_to(root).as_posix()
        if any(part.startswith(".") for part in there.split("/")) or match.is_dir():
            continue
        if len(found) == MOST_FILES:
            raise RefusedPathError(f"it matches more than {MOST_FILES:,} files")
        found.append(_list_name(root, "", there))
    return sorted(found)


def _list_name(root: Path, folder: str, path: str) -> str:
    """Return the name of a list below `root`; nothing else that a path or a link may lead to is read as one."""
    name = resolve(str(root), folder, path)
    for found in (name, real_name(str(root), name) or ""):
        if not _ENDING.fullmatch("".join(Path(found).suffixes[-2:])) and not _ENDING.fullmatch(Path(found).suffix):
            raise RefusedPathError(
                f"{clipped(found)} is no list by its name: that ends in .csv, .tsv, .txt, .jsonl or .ndjson, each also "
                "with .gz, or in .parquet"
            )
    return name


def _listed_by_git(root: Path) -> list[str]:
    """Return the names of the files git tracks, relative to `root`; none where there is no git or no repository."""
    if not (root / ".git").exists():
        return []
    # The watcher that a repository's settings may name is a program; nothing of the repository is to run.
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(root), "ls-files", "-z"]
    try:
        answer = subprocess.run(command, capture_output=True, check=False, timeout=_GIT_SECONDS)  # noqa: S603 - fixed
    except (OSError, subprocess.TimeoutExpired):
        return []
    return answer.stdout.decode(errors="surrogateescape").split("\0") if answer.returncode == 0 else []
