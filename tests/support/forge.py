"""Real processes of the program that die when they are told to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import ready
from support.ready import Running
from support.world import Ended, World

KILLED = -9
_SECONDS = 60


@dataclass
class Child:
    """A process of the program. `pid` may be sent signals."""

    running: Running
    out: Path
    err: Path

    @property
    def pid(self) -> int:
        return self.running.pid

    def wait(self) -> Ended:
        code = self.running.wait(_SECONDS)
        return Ended(code, self.out.read_text(errors="replace"), self.err.read_text(errors="replace"))


class Forge:
    """Starts `reconciler` for a world, with traps set; what it says is kept in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._count = 0

    def start(self, world: World, *arguments: str, environ: Mapping[str, str] = {}, **traps: Any) -> Child:
        self._count += 1
        out, err = self._folder / f"{self._count}.out", self._folder / f"{self._count}.err"
        with Path("/dev/null").open("rb") as nothing, out.open("wb") as told, err.open("wb") as said:
            running = ready.start(
                arguments,
                cwd=world.root,
                environ={**world.environ, **environ},
                streams=[nothing.fileno(), told.fileno(), said.fileno()],
                traps=traps,
            )
        return Child(running, out, err)

    def run(self, world: World, *arguments: str, **options: Any) -> Ended:
        return self.start(world, *arguments, **options).wait()
