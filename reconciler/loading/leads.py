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
_ENDINGS = (".csv", ".tsv", ".txt")


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
            path, tracked = self._resolved(written.source, source_place.file or "")
        except RefusedPathError as problem:
            return error(
                "leads-source",
                f"`{clipped(written.source)}` may not be read: {problem}.",
                hint="Write `leads:NAME.csv` for a list in $RECONCILER_LEADS_DIR, or a path inside the repository.",
                at=source_place,
            )
        return Leads(
            source=written.source,
            paths=None if path is None else (path,),
            tracked=tracked,
            columns=written.columns,
            fallbacks=written.fallbacks,
            fields=written.fields,
            exclude=written.exclude,
            examples_only=tracked and not self._people_in_git,
            file=place.file or "",
            line=place.line or 1,
        )

    def _resolved(self, source: str, file: str) -> tuple[str | None, bool]:
        if source.startswith(OUTSIDE_PREFIX):
            name = source.removeprefix(OUTSIDE_PREFIX)
            if not name.strip():
                raise RefusedPathError("a file name must follow `leads:`")
            try:
                name = _list_name(self._leads_dir or Path("/nowhere"), "", name)
            except RefusedPathError as problem:
                raise RefusedPathError(str(problem).replace("the repository", "the folder of lists")) from None
            return (str(self._leads_dir / name) if self._leads_dir else None), False
        if scheme := _SCHEME.match(source):
            raise RefusedPathError(f"`{scheme[0]}` is no source of lists")
        name = _list_name(self._root, file.rpartition("/")[0], source)
        return str(self._root / name), name in self._tracked_files()

    def _tracked_files(self) -> frozenset[str]:
        if self._tracked is None:
            self._tracked = frozenset(_listed_by_git(self._root))
        return self._tracked


def _list_name(root: Path, folder: str, path: str) -> str:
    """Return the name of a list below `root`; nothing else that a path or a link may lead to is read as one."""
    name = resolve(str(root), folder, path)
    if not all(found.lower().endswith(_ENDINGS) for found in (name, real_name(str(root), name) or "")):
        raise RefusedPathError("the name of a list ends in .csv, .tsv or .txt")
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
