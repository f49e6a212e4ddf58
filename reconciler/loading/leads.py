"""Where a campaign's people come from: the paths of the list, confined. The list itself is not read here."""

import os
import re
import subprocess
from pathlib import Path

from reconciler.diagnostics import Diagnostic, SourceRange, error
from reconciler.loading.confine import RefusedPathError, real_name, resolve
from reconciler.loading.wildcards import is_pattern, matches
from reconciler.loading.words import clipped
from reconciler.model.campaign import Leads, LeadsFile

OUTSIDE_PREFIX = "leads:"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_GIT_SECONDS = 20
_ENDING = re.compile(r"[^/]\.(?:(?:csv|tsv|txt|jsonl|ndjson)(?:\.gz)?|parquet)\Z", re.IGNORECASE)


class LeadFinder:
    """Resolves the sources of lists; asks git at most once which files it tracks.

    `people_in_git`: lists that it tracks may hold real people.
    """

    def __init__(self, root: Path, leads_dir: Path | None, *, people_in_git: bool = False) -> None:
        self._root = root
        self._people_in_git = people_in_git
        self._leads_dir = leads_dir.resolve() if leads_dir else None
        self._tracked: frozenset[str] | None = None

    def find(
        self, written: LeadsFile, *, place: SourceRange, source_place: SourceRange, where_place: SourceRange
    ) -> Leads | Diagnostic:
        """Return the leads with their paths resolved, or say why the source may not be read.

        `place` is that of `leads`, `where_place` that of `where`; `source_place` that of `source`, whose file the path
        is relative to.
        """
        try:
            paths, tracked = self._resolved(written.source, source_place.file or "")
        except RefusedPathError as problem:
            return error(
                "leads-source",
                f"`{clipped(written.source)}` may not be read: {problem}.",
                hint="Write `leads:NAME.csv` for a list in $RECONCILER_LEADS_DIR, or a path inside the repository; "
                "`*` stands for any part of a name.",
                at=source_place,
            )
        return Leads(
            source=written.source,
            paths=paths,
            folder=str(self._leads_dir) if self._leads_dir and written.source.startswith(OUTSIDE_PREFIX) else None,
            tracked=tracked,
            columns=written.columns,
            fallbacks=written.fallbacks,
            fields=written.fields,
            exclude=written.exclude,
            limit=written.limit,
            part=written.share,
            where=written.where,
            where_at=where_place if written.where is not None else None,
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
    """Return the names of the lists that a path means below `root`: one, there or not; all that a pattern matches."""
    name = resolve(str(root), folder, path)
    # A Path would raise where a name is too long.
    if not is_pattern(path) or (is_pattern(name) and os.path.isfile(root / name)):  # noqa: PTH113
        return [_list_name(root, name)]
    found = matches(str(root), folder, path)
    for match in found:
        try:
            _list_name(root, match)
        except RefusedPathError as problem:
            raise RefusedPathError(f"it matches `{clipped(match)}`: {problem}") from None
    return found


def _list_name(root: Path, name: str) -> str:
    """Return the name of a list below `root`; nothing else that a path or a link may lead to is read as one."""
    if not all(_ENDING.search(found) for found in (name, real_name(str(root), name) or "")):
        words = "the name of a list ends in .csv, .tsv, .txt, .jsonl or .ndjson, each also with .gz, or in .parquet"
        raise RefusedPathError(words)
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
