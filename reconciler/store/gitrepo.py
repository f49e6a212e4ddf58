"""The repository around the files, and one ref of one of its remotes: reading it, and moving it by compare and swap."""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from reconciler.diagnostics import StateError, error
from reconciler.store.gitaccess import Setting, token_settings
from reconciler.store.gitmessages import goes_on_from
from reconciler.store.gitnames import seen_ref
from reconciler.store.gitrun import FETCH, NETWORK, Done, Git

_PAUSES = (0.5, 1.0, 2.0, 4.0)
_NOT_FORWARD = b"(non-fast-forward)"
_SHA1_LENGTH = 40


class Entry(NamedTuple):
    """A file of a tree."""

    oid: str
    size: int


class _Place(NamedTuple):
    """What is known of the clone: the folder its worktrees share, and whether its history was cut off."""

    common: Path
    shallow: bool
    hash: str


class Repository:
    """A ref of a remote, as this clone knows it. Touches no branch, index, worktree or configuration of the clone.

    What the clone saw last is kept under `refs/reconciler-seen/`: it saves reading it again, and shows when somebody
    rewrites the history. It can be deleted at any time.
    """

    def __init__(
        self,
        folder: Path,
        remote: str,
        ref: str,
        *,
        pauses: Sequence[float] = _PAUSES,
        sleep: Callable[[float], None] = time.sleep,
        token: str | None = None,
    ) -> None:
        self._git = Git(folder)
        self._folder = folder
        self.remote = remote
        self.ref = ref
        self.memory = seen_ref(remote, ref)
        self._pauses = pauses
        self._sleep = sleep
        self._token = token

    @property
    def name(self) -> str:
        """The place in words."""
        return f"{self.ref} of the remote {self.remote}"

    @property
    def common(self) -> Path:
        """The folder that all worktrees of the clone share."""
        return self._place.common

    @cached_property
    def _access(self) -> tuple[Setting, ...]:
        """How calls to the remote show who we are, beside what the clone is set up with."""
        if self._token is None:
            return ()
        done = self._git.run("remote", "get-url", "--", self.remote)
        return token_settings(done.out.decode(errors="replace").strip(), self._token) if done.ok else ()

    def head(self) -> str | None:
        """Ask the remote where the ref is; None where it does not exist. Raises `StateError` (`state-remote`)."""
        _ = self._place
        done = self._git.run("ls-remote", "--", self.remote, self.ref, seconds=NETWORK, secret=self._access)
        if not done.ok:
            raise self.away("could not be read", done)
        for line in done.out.decode().splitlines():
            oid, _, name = line.partition("\t")
            if name == self.ref:
                return oid
        return None

    def seen(self) -> str | None:
        """Return the head this clone saw last."""
        done = self._git.run("rev-parse", "--verify", "--quiet", f"{self.memory}^{{commit}}")
        return done.out.decode().strip() if done.ok else None

    def fetch(self) -> str:
        """Bring the newest head, and return it. Where the clone is shallow, the first one comes without its history.

        Raises `StateError`: `state-remote`, or `state-rewritten` where what was seen before is no part of its history,
        and that was not begun anew on purpose since.
        """
        for pause in (*self._pauses[:2], None):
            known = self.seen()
            shape = [f"--negotiation-tip={self.memory}"] if known else []
            if self._place.shallow and known is None:
                shape = ["--depth=1"]
            done = self._fetch(*shape, f"{self.ref}:{self.memory}")
            head = self.seen()
            if done.ok and head is not None:
                return head
            rewritten = _NOT_FORWARD in done.err
            if rewritten and known is not None and (head := self._begun_anew(known)) is not None:
                self._remember(head, known)
                return head
            if pause is None:
                raise self._rewritten() if rewritten else self.away("could not be read", done)
            # Another process of this clone may have seen a newer head, or hold one of git's locks.
            self._sleep(pause)
        raise AssertionError("unreachable")

    def _begun_anew(self, known: str) -> str | None:
        """Return the newest head where its history was begun anew on purpose after a commit; None where it was not."""
        head = self.head()
        if head is None or not self._fetch(self.ref).ok or not self._git.run("cat-file", "-e", head).ok:
            return None
        roots = self._local("rev-list", "--first-parent", "--max-parents=0", head).out.decode().split()
        found = self.contents([*roots[-1:], known])
        return head if len(found) > 1 and goes_on_from(found[roots[-1]], found[known]) else None

    def deepen(self, commits: int) -> None:
        """Bring the newest so many commits into a shallow clone, of this ref alone. Raises `StateError`."""
        done = self._fetch(f"--depth={commits}", self.ref)
        if not done.ok:
            raise self.away("could not be read", done)

    def commit(
        self, parent: str | None, message: str, files: Mapping[str, bytes], gone: Iterable[str], *, anew: bool = False
    ) -> str:
        """Make a commit on a parent with these files written and those gone; return it. No ref names it yet.

        `anew`: it has what the parent has, and no parent. Raises `StateError` (`state-write`).
        """
        stream = [b"commit refs/reconciler-work\nmark :1\n"]
        stream.append(b"committer reconciler <reconciler@localhost> %d +0000\n" % int(time.time()))
        stream.append(_data(message.encode()))
        if anew and parent:
            tree = self._local("rev-parse", "--verify", f"{parent}^{{tree}}").out.strip()
            stream.append(b'M 040000 %s ""\n' % tree)
        elif parent:
            stream.append(b"from %s\n" % parent.encode())
        stream += [b"D %s\n" % path.encode() for path in gone]
        for path, content in files.items():
            stream += [b"M 100644 inline %s\n" % path.encode(), _data(content)]
        # Reset to nothing, the ref is not written.
        stream.append(b"\nget-mark :1\nreset refs/reconciler-work\n\ndone\n")
        done = self._git.run("fast-import", "--quiet", "--done", "--date-format=raw", given=b"".join(stream))
        if not done.ok:
            words = f"The state could not be written into the repository around {self._folder}: {done.why}."
            hint = "Nothing was written. Check free space and permissions of its .git folder, then run again."
            raise StateError(error("state-write", words, hint=hint))
        return done.out.decode().strip()

    def publish(self, new: str, *, old: str | None) -> bool:
        """Move the ref from one commit to the next; False where somebody else moved it meanwhile.

        Where git does not tell how it ended, the remote is asked. Raises `StateError` (`state-remote`) where the remote
        refuses it or does not answer.
        """
        for pause in (*self._pauses, None):
            done = self._push(new, old)
            # One that took too long may still be carried out over there.
            known = done.code is not None
            if not done.ok:
                try:
                    there = self.head()
                except StateError:
                    there, known = old, False
                if there != new:
                    if there != old:
                        return there is not None and self._has(self.fetch(), new)
                    if pause is None:
                        raise self._unwritten(done, known=known)
                    self._sleep(pause)
                    continue
            self._remember(new, old)
            return True
        raise AssertionError("unreachable")

    def tree(self, head: str, *paths: str) -> dict[str, Entry]:
        """List the files below these paths of a commit. Raises `StateError` (`state-git`)."""
        done = self._local("ls-tree", "-r", "-z", "-l", "--full-tree", head, *paths)
        found = {}
        for line in done.out.decode().split("\0")[:-1]:
            about, _, path = line.partition("\t")
            _mode, _kind, oid, size = about.split()
            found[path] = Entry(oid, int(size) if size.isdigit() else 0)
        return found

    def contents(self, oids: Iterable[str]) -> dict[str, bytes]:
        """Read objects; those that are not there are left out. Raises `StateError` (`state-git`)."""
        wanted = list(dict.fromkeys(oids))
        if not wanted:
            return {}
        out = self._local("cat-file", "--batch", given="".join(f"{oid}\n" for oid in wanted).encode()).out
        found, at = {}, 0
        for oid in wanted:
            end = out.index(b"\n", at)
            size = out[at:end].rpartition(b" ")[2]
            at = end + 1
            if size.isdigit():
                found[oid] = out[at : at + int(size)]
                at += int(size) + 1
        return found

    def commits(self, head: str, count: int) -> list[bytes]:
        """Return so many commits, newest first, as far as this clone has them: none where it lacks this one."""
        if not self._git.run("cat-file", "-e", head).ok:
            return []
        oids = self._local("rev-list", "--first-parent", f"--max-count={count}", head).out.decode().split()
        found = self.contents(oids)
        return [found[oid] for oid in oids if oid in found]

    def oid(self, content: bytes) -> str:
        """Return the name git gives to a file of this content."""
        made = hashlib.new(self._place.hash, b"blob %d\0" % len(content), usedforsecurity=False)
        made.update(content)
        return made.hexdigest()

    def away(self, what: str, done: Done) -> StateError:
        """Make the error of a remote that does not answer as needed."""
        words = f"The state in {self.name} {what}: {done.why}."
        hint = f"Check that `git ls-remote {self.remote}` works here without being asked anything, then run again."
        return StateError(error("state-remote", words, hint=hint))

    @cached_property
    def _place(self) -> _Place:
        done = self._git.run("rev-parse", "--git-common-dir", "--is-shallow-repository", "--show-object-format")
        if not done.ok:
            words = f"The state is kept in git, and there is no usable repository around {self._folder}: {done.why}."
            hint = "Run this in a clone of the repository. If git does not trust its owner, tell it: `git config "
            hint += "--global --add safe.directory …`."
            raise StateError(error("state-git", words, hint=hint))
        common, shallow, kind = done.out.decode().splitlines()
        if self.remote not in self._local("remote").out.decode().split():
            words = f"The state is kept in the remote `{self.remote}`, and this clone has no remote of that name."
            hint = "`git remote add` it, or name another one as `state.remote` in workspace.yaml."
            raise StateError(error("state-no-remote", words, hint=hint))
        return _Place((self._folder / common).resolve(), shallow == "true", kind)

    def _fetch(self, *arguments: str) -> Done:
        # Not `--quiet`: it would keep back that a ref was not moved forward.
        flags = ("--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance")
        *shape, refspec = arguments
        words = ("fetch", *flags, "--show-forced-updates", "--refmap=", *shape, "--", self.remote, refspec)
        return self._git.run(*words, seconds=FETCH, secret=self._access)

    def _push(self, new: str, old: str | None) -> Done:
        lease = f"--force-with-lease={self.ref}:{old or ''}"
        flags = ("--porcelain", "--quiet", "--no-verify", "--no-follow-tags", "--no-signed")
        words = ("push", *flags, lease, "--", self.remote, f"{new}:{self.ref}")
        return self._git.run(*words, seconds=NETWORK, secret=self._access)

    def _remember(self, new: str, old: str | None) -> None:
        """Keep what was written; where another process has seen a newer head meanwhile, that one stays."""
        nothing = "0" * (max(_SHA1_LENGTH, len(new)))
        self._git.run("update-ref", self.memory, new, old or nothing)

    def _has(self, head: str, commit: str) -> bool:
        return self._git.run("merge-base", "--is-ancestor", commit, head).ok

    def _local(self, *arguments: str, given: bytes = b"") -> Done:
        done = self._git.run(*arguments, given=given)
        if not done.ok:
            words = f"git {arguments[0]} failed in the repository around {self._folder}: {done.why}."
            raise StateError(error("state-git", words, hint="Look at it with `git fsck`, or run this in a new clone."))
        return done

    def _rewritten(self) -> StateError:
        words = f"The history of the state in {self.name} was rewritten: what this clone saw before is no part of it."
        restore = f"`git push --force {self.remote} {self.memory}:{self.ref}`"
        hint = f"Nothing was changed. Find out who did that. To bring back what this clone saw: {restore}. "
        hint += f"If it is right as it is: `git update-ref -d {self.memory}`."
        return StateError(error("state-rewritten", words, hint=hint))

    def _unwritten(self, done: Done, *, known: bool) -> StateError:
        if not known:
            return self.away("could not be written, and it is not known whether it was after all", done)
        found = self.away("could not be written", done).diagnostics[0]
        hint = f"Nothing was written. Make sure that you may push to {self.ref} there, then run again."
        return StateError(found.model_copy(update={"hint": hint}))


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
