"""Names of refs and remotes. They come from workspace.yaml, so a stranger may have written them."""

import hashlib
import re
from pathlib import Path

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_LONGEST = 200


def is_remote_name(name: str) -> bool:
    """Whether it can only be a name: neither an option, nor a path, nor an address."""
    return _is_part(name)


def is_ref_name(name: str) -> bool:
    """Whether it can name the ref of a state: `refs/` and at least two more parts, none of them surprising."""
    first, *rest = name.split("/")
    return first == "refs" and len(rest) > 1 and len(name) <= _LONGEST and all(_is_part(part) for part in rest)


def default_ref(workspace: str) -> str:
    """Return the ref of a workspace: `refs/reconciler/<workspace>`, with the name made fit for one."""
    fit = re.sub(r"[^A-Za-z0-9_-]+", "-", workspace).strip("-")[:80]
    return f"refs/reconciler/{fit or 'w-' + hashlib.sha256(workspace.encode()).hexdigest()[:12]}"


def environment_ref(ref: str, environment: str | None) -> str:
    """Return the ref of another environment than the default: `<ref>@<environment>`. No two share one."""
    if environment is None:
        return ref
    fit = environment.replace("..", ".%2E")
    if fit.endswith((".", ".lock")):
        head, _, tail = fit.rpartition(".")
        fit = f"{head}%2E{tail}"
    return f"{ref}@{fit}"


def seen_ref(remote: str, ref: str) -> str:
    """Return where the clone remembers the head it saw last."""
    return f"refs/reconciler-seen/{remote}/{ref.removeprefix('refs/')}"


def find_remote(folder: Path, wanted: str) -> str | None:
    """Return this remote of the clone around a folder, or else its only one; None where there is none to choose."""
    from reconciler.diagnostics import StateError
    from reconciler.store.gitrun import Git

    try:
        done = Git(folder).run("remote")
    except StateError:
        return None
    names = done.out.decode(errors="replace").split() if done.ok else []
    if wanted in names:
        return wanted
    return names[0] if len(names) == 1 and is_remote_name(names[0]) else None


def main_branch(folder: Path, remote: str) -> str:
    """Return the branch that a remote names as its main one, else the one that is checked out, else `main`."""
    from reconciler.diagnostics import StateError
    from reconciler.store.gitrun import NETWORK, Git

    git = Git(folder)
    looks = (
        (("symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD"), rf"refs/remotes/{re.escape(remote)}/(\S+)"),
        (("ls-remote", "--symref", "--", remote, "HEAD"), r"ref: refs/heads/(\S+)\tHEAD"),
        (("symbolic-ref", "--quiet", "HEAD"), r"refs/heads/(\S+)"),
    )
    for words, form in looks:
        try:
            done = git.run(*words, seconds=NETWORK)
        except StateError:
            break
        found = re.match(form, done.out.decode(errors="replace")) if done.ok else None
        if found is not None and is_branch_name(found[1]):
            return found[1]
    return "main"


def is_branch_name(name: str) -> bool:
    """Whether it is a name that means nothing else in a workflow."""
    return len(name) <= _LONGEST and all(_is_part(part) for part in name.split("/"))


def _is_part(part: str) -> bool:
    return bool(_PART.fullmatch(part)) and ".." not in part and not part.endswith((".", ".lock"))
