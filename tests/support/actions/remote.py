"""The user's repository: a bare remote, and commits made in it without a working tree."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

_AUTHOR = {
    f"GIT_{who}_{what}": text
    for who in ("AUTHOR", "COMMITTER")
    for what, text in (("NAME", "Dev"), ("EMAIL", "dev@example.com"))
}
_ALONE = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.defpath, "HOME": os.devnull}


def git(folder: Path, *arguments: str, given: bytes = b"", env: Mapping[str, str] = {}) -> str:
    """Run git as a developer does, without the settings of this machine."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, input=given, env={**_ALONE, **_AUTHOR, **env}, capture_output=True, check=False
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr.decode()}{done.stdout.decode()}"
    return done.stdout.decode().strip()


class Remote:
    """A bare repository with one empty commit on main."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", ".")
        for name in ("uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter"):
            git(folder, "config", name, "true")
        empty = git(folder, "mktree")
        git(folder, "update-ref", "refs/heads/main", git(folder, "commit-tree", empty, "-m", "nothing yet"))

    def commit_of(self, name: str) -> str:
        return git(self.folder, "rev-parse", "--verify", f"{name}^{{commit}}")

    def has(self, ref: str) -> bool:
        return bool(git(self.folder, "for-each-ref", ref))

    def commit(self, ref: str, parent: str, files: Mapping[str, str | bytes | None], message: str) -> str:
        """Make a commit with these files written, or removed where they are None, and let the ref name it."""
        with TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            git(self.folder, "read-tree", parent, env=env)
            lines = [self._entry(path, content) for path, content in files.items()]
            git(self.folder, "update-index", "--index-info", given="".join(lines).encode(), env=env)
            tree = git(self.folder, "write-tree", env=env)
        commit = git(self.folder, "commit-tree", tree, "-p", parent, "-m", message)
        git(self.folder, "update-ref", ref, commit)
        return commit

    def _entry(self, path: str, content: str | bytes | None) -> str:
        """Return the line by which `update-index` takes a file up, or out."""
        if content is None:
            return f"0 {'0' * 40}\t{path}\n"
        given = content.encode() if isinstance(content, str) else content
        blob = git(self.folder, "hash-object", "-w", "--stdin", given=given)
        return f"100644 {blob}\t{path}\n"

    def merged(self, base: str, head: str, message: str, *, squash: bool = False) -> str:
        """Return a commit that merges two; fails where they conflict."""
        tree = git(self.folder, "merge-tree", "--write-tree", base, head)
        parents = ["-p", base] if squash else ["-p", base, "-p", head]
        return git(self.folder, "commit-tree", tree, *parents, "-m", message)

    def point(self, ref: str, commit: str) -> None:
        git(self.folder, "update-ref", ref, commit)

    def changed(self, before: str, after: str) -> list[str]:
        return git(self.folder, "diff", "--name-only", before, after).splitlines()

    def between(self, base: str, head: str) -> list[str]:
        return git(self.folder, "rev-list", f"{base}..{head}").splitlines()

    def files(self, commit: str, folder: str) -> dict[str, str]:
        """Return path and text of the files in a folder."""
        names = git(self.folder, "ls-tree", "--name-only", commit, f"{folder}/").splitlines()
        return {name: git(self.folder, "show", f"{commit}:{name}") for name in names}
