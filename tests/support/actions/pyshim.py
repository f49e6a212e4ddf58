"""`python -m venv` and `python -m pip` of played jobs, which have no network.

A venv is a folder with the interpreter of the tests; an installation is checked and written down, and the command
`reconciler` appears once the project was installed. What it does not know ends with 2.
"""

import json
import os
import re
import shutil
import sys
from pathlib import Path

_FLAGS = {"--quiet", "-q", "--disable-pip-version-check", "--no-input", "--no-cache-dir", "--no-deps", "--upgrade",
          "--require-hashes", "--no-warn-script-location", "--no-build-isolation"}  # fmt: skip
_FILES = {"--constraint", "-c", "--requirement", "-r", "--build-constraint"}
_VALUES = {"--only-binary", "--no-binary", "--progress-bar"}


def make_python(folder: Path, record: Path) -> None:
    """Make a `python` that is this interpreter, but for what would need the network: venv and pip.

    Installations are written into the file `record`; beside it is the command that installing the project brings.
    """
    shim = f'"{sys.executable}" "{Path(__file__).resolve()}" "{folder.resolve()}" "{record}"'
    asked = '*" -m venv "*|*" -m pip "*|*" -m ensurepip "*'
    for name in ("python", "python3"):
        _script(folder / name, f'case " $* " in {asked}) exec {shim} "$@";; esac', f'exec "{sys.executable}" "$@"')
    for name in ("pip", "pip3"):
        _script(folder / name, f'exec {shim} -m pip "$@"')


def _script(path: Path, *lines: str) -> None:
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)


def _venv(record: Path, arguments: list[str]) -> int:
    flags = [item for item in arguments if item.startswith("-")]
    folders = [item for item in arguments if item not in flags]
    if set(flags) - {"--clear", "--upgrade-deps"} or len(folders) != 1:
        return _end(f"venv: {arguments}")
    path = Path(folders[0]) / "bin"
    path.mkdir(parents=True, exist_ok=True)
    make_python(path, record)
    return 0


def _pip(folder: Path, record: Path, arguments: list[str]) -> int:
    if arguments[:1] != ["install"]:
        return _end(f"pip: {arguments}")
    files = [os.environ[name] for name in ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT") if os.environ.get(name)]
    wanted = []
    left = iter(arguments[1:])
    for item in left:
        name, sign, value = item.partition("=")
        if name in _FILES:
            files.append(value if sign else next(left))
        elif name in _VALUES:
            _ = sign or next(left)
        elif item.startswith("-") and item not in _FLAGS:
            return _end(f"pip install: {item}")
        elif not item.startswith("-"):
            wanted.append(item)
    projects = [re.sub(r"\[[\w,-]+\]$", "", item) for item in wanted if "/" in item or item.startswith(".")]
    files += [f"{project}/pyproject.toml" for project in projects]
    if missing := [file for file in files if not Path(file).is_file()]:
        print(f"ERROR: Could not open: {', '.join(missing)}", file=sys.stderr)  # noqa: T201 - as pip does
        return 1
    with record.open("a") as told:
        told.write(json.dumps({"arguments": arguments, "folder": str(Path.cwd())}) + "\n")
    if projects:
        shutil.copy2(record.with_name("reconciler"), folder)
    return 0


def _end(message: str) -> int:
    print(f"the python of these tests does not know: {message}", file=sys.stderr)  # noqa: T201
    return 2


def main(folder: Path, record: Path, arguments: list[str]) -> int:
    module = arguments.index("-m")
    if set(arguments[:module]) - {"-I", "-E", "-s", "-P"}:
        return _end(f"python: {arguments}")
    name, rest = arguments[module + 1], arguments[module + 2 :]
    if name == "venv":
        return _venv(record, rest)
    return _pip(folder, record, rest) if name == "pip" else _end(name)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
