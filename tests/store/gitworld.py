"""A bare repository with clones of it, in a folder, as the tests of the git backend need them."""

import os
import subprocess
from pathlib import Path

from reconciler.store.git import TIMES, GitStore
from reconciler.store.gitview import blob_path
from reconciler.store.lease import Times

REF = "refs/reconciler/acme"
PAUSES = (0.01, 0.02, 0.05)


def git(folder: Path, *arguments: str, given: bytes = b"", index: Path | None = None) -> str:
    environment = {**os.environ, **({"GIT_INDEX_FILE": str(index)} if index else {})}
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
        cwd=folder,
        input=given,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


class GitBackend:
    """A remote, and one clone in which the state is opened by default."""

    quick = Times(beat=0.5, expiry=3.0, poll=0.2, longest_request=0.5)

    def __init__(self, folder: Path, *, form: str = "sha1") -> None:
        self.folder = folder
        self.remote = folder / "remote.git"
        folder.mkdir(exist_ok=True)
        git(folder, "init", "--quiet", "--bare", f"--object-format={form}", "remote.git")
        git(self.remote, "symbolic-ref", "HEAD", "refs/heads/main")
        self.clone = folder / "clone"
        git(folder, "init", "--quiet", f"--object-format={form}", "--initial-branch=main", "clone")
        git(self.clone, "remote", "add", "origin", str(self.remote))
        (self.clone / "specs").mkdir()
        (self.clone / "specs" / "file").write_text("theirs\n")
        git(self.clone, "add", ".")
        git(self.clone, "commit", "--quiet", "--message", "one")
        git(self.clone, "commit", "--quiet", "--allow-empty", "--message", "two")
        git(self.clone, "push", "--quiet", "origin", "HEAD:refs/heads/main")
        self.code = (
            "opened(__import__('functools').partial(__import__('reconciler.store.git', fromlist=['x']).GitStore, "
            f"__import__('pathlib').Path({str(self.clone)!r}), remote='origin', ref={REF!r}, pauses={PAUSES}), "
            "times=None)"
        )

    def open(self, times: Times | None = None, *, clone: Path | None = None) -> GitStore:
        return GitStore(clone or self.clone, remote="origin", ref=REF, times=times or TIMES, pauses=PAUSES)

    def another(self, name: str, *options: str) -> Path:
        """Make another clone."""
        git(self.folder, "clone", "--quiet", *options, f"file://{self.remote}", name)
        return self.folder / name

    def head(self) -> str:
        return git(self.remote, "rev-parse", REF).strip()

    def commits(self) -> int:
        return int(git(self.remote, "rev-list", "--count", REF))

    def snapshot(self) -> object:
        return self.head()

    def files(self) -> dict[str, str]:
        """Return the files of the state with git's names of their contents."""
        lines = git(self.remote, "ls-tree", "-r", REF).splitlines()
        return {line.partition("\t")[2]: line.split()[2] for line in lines}

    def plant(self, path: str, content: bytes) -> None:
        """Put a file into the state, by a commit as anybody could push one."""
        index = self.folder / "index"
        git(self.remote, "read-tree", REF, index=index)
        blob = git(self.remote, "hash-object", "-w", "--stdin", given=content).strip()
        git(self.remote, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", index=index)
        tree = git(self.remote, "write-tree", index=index).strip()
        commit = git(self.remote, "commit-tree", "-p", self.head(), "-m", "planted", tree).strip()
        git(self.remote, "update-ref", REF, commit)

    def plant_document(self, content: bytes) -> None:
        self.plant("state.json", content)

    def plant_record(self, serial: int, content: bytes) -> None:
        self.plant(f"journal/{serial:012}", content)

    def plant_blob(self, name: str, content: bytes) -> None:
        self.plant(blob_path(name), content)

    def plant_lease(self, content: bytes) -> None:
        self.plant("lease.json", content)

    def hook(self, name: str, *lines: str) -> None:
        """Give the remote a hook, written in sh."""
        path = self.remote / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
        path.chmod(0o755)
