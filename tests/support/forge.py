"""The tests' side of `forge_server`: real processes of the program that start fast and die when told."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from support.world import Ended, World

KILLED = -9


@dataclass
class Child:
    """A process of the program. `pid` may be sent signals."""

    forge: "Forge"
    pid: int
    out: Path
    err: Path

    def wait(self) -> Ended:
        code = self.forge.ask({"wait": self.pid})
        return Ended(code, self.out.read_text(errors="replace"), self.err.read_text(errors="replace"))


class Forge:
    """Starts `reconciler` for a world. A context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forge_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._server.communicate(timeout=10)

    def ask(self, order: Mapping[str, Any]) -> int:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def start(self, world: World, *arguments: str, environ: Mapping[str, str] = {}, **traps: Any) -> Child:
        self._count += 1
        out, err = self._folder / f"{self._count}.out", self._folder / f"{self._count}.err"
        order = {
            "arguments": list(arguments),
            "cwd": str(world.root),
            "environ": {**world.environ, **environ},
            "out": str(out),
            "err": str(err),
            **traps,
        }
        return Child(self, self.ask(order), out, err)

    def run(self, world: World, *arguments: str, **options: Any) -> Ended:
        return self.start(world, *arguments, **options).wait()
