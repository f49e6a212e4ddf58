from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from sandbox.support import KEY, Box, Clock, Json, Make

from reconciler.sandbox.app import create_app
from reconciler.sandbox.options import SandboxOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.sqlite"


@pytest.fixture
def make(database: Path, clock: Clock) -> Iterator[Make]:
    clients: list[httpx.Client] = []

    def build(**options: Json) -> Box:
        app = create_app(database, SandboxOptions(**options), clock)
        client = httpx.Client(
            transport=httpx.WSGITransport(app=app),
            base_url="http://sandbox.example.com/v1",
            headers={"Authorization": f"Bearer {KEY}"},
        )
        clients.append(client)
        return Box(app, client)

    yield build
    for client in clients:
        client.close()


@pytest.fixture
def box(make: Make) -> Box:
    return make()
