from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import httpx
import pytest

from reconciler.sandbox.server import run, serve

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.support import Box

SCRIPT = """
import sys, pathlib
from reconciler.sandbox.app import create_app
from reconciler.sandbox.server import run
run(create_app(pathlib.Path(sys.argv[1])), "127.0.0.1", 0, lambda url: print(url, flush=True))
print("ended", flush=True)
"""


def test_address(box: Box) -> None:
    with serve(box.app) as server:
        assert server.url == f"http://127.0.0.1:{server.port}/v1"
        answer = httpx.get(f"{server.url}/sender-pools", headers=dict(box.client.headers))
        assert len(answer.json()["pools"]) == 2
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/sender-pools")


def test_closing_twice_is_harmless(box: Box) -> None:
    server = serve(box.app)
    server.close()
    server.close()


def test_a_port_in_use_is_an_error_of_the_caller(box: Box, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        serve(box.app, port=taken.getsockname()[1])
    assert capfd.readouterr() == ("", "")


def test_chunked_bodies_are_read(box: Box) -> None:
    with serve(box.app) as server:
        answer = httpx.post(
            f"{server.url}/campaigns",
            content=iter([b'{"name":', b'"Chunked"}']),
            headers={"Authorization": "Bearer sk_test_sandbox"},
        )
    assert answer.status_code == 201
    assert [campaign.name for campaign in box.sandbox.campaigns()] == ["Chunked"]


def test_a_client_that_leaves_while_sending_makes_no_noise(box: Box, capfd: pytest.CaptureFixture[str]) -> None:
    with serve(box.app) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(b"POST /v1/campaigns HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            raw.shutdown(socket.SHUT_WR)
            assert raw.recv(100) == b""
        answer = httpx.get(f"{server.url}/sender-pools", headers=dict(box.client.headers))
    assert answer.status_code == 200
    assert box.sandbox.campaigns() == ()
    assert capfd.readouterr() == ("", "")


def test_a_connection_serves_one_request_after_the_other(box: Box) -> None:
    headers = {"Authorization": "Bearer sk_test_sandbox", "Content-Type": "application/json"}
    with serve(box.app) as server, closing(HTTPConnection("127.0.0.1", server.port)) as client:
        used = set()
        for method, path, body in (
            ("POST", "/v1/campaigns", b'{"name": "One"}'),
            ("GET", "/_sandbox/campaigns", None),
            ("POST", "/_sandbox/pools", b"[]"),
            ("POST", "/nowhere", b"x" * 100_000),
            ("HEAD", "/v1/sender-pools", None),
            ("GET", "/v1/campaigns", None),
        ):
            client.request(method, path, body, headers)
            used.add(client.sock)
            answer = client.getresponse().read()
        assert [item["name"] for item in json.loads(answer)["campaigns"]] == ["One"]
        assert len(used) == 1
        client.request("GET", "/v1/campaigns", headers=headers | {"Connection": "close"})
        assert client.getresponse().headers["Connection"] == "close"


def test_closing_ends_connections_that_wait(box: Box) -> None:
    with serve(box.app) as server, closing(HTTPConnection("127.0.0.1", server.port, timeout=10)) as client:
        client.request("GET", "/nowhere")
        client.getresponse().read()
        server.close()
        assert client.sock.recv(1) == b""


@pytest.mark.parametrize("length", ["-1", "many"])
def test_a_length_that_is_none_ends_the_connection(box: Box, length: str, capfd: pytest.CaptureFixture[str]) -> None:
    with serve(box.app) as server, socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(f"POST /v1/campaigns HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert raw.recv(100) == b""
    assert box.sandbox.requests() == ()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_until_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "run.sqlite")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout
        url = child.stdout.readline().strip()
        answer = httpx.get(f"{url}/sender-pools", headers={"Authorization": "Bearer sk_test_sandbox"})
        assert answer.status_code == 200
        child.send_signal(number)
        out, err = child.communicate(timeout=10)
    assert (child.returncode, out, err) == (0, "ended\n", "")


def test_run_gives_the_handler_back_and_works_off_the_main_thread(box: Box) -> None:
    def interrupt(url: str) -> None:
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGTERM)
    run(box.app, "127.0.0.1", 0, interrupt)
    assert signal.getsignal(signal.SIGTERM) is before
    urls = []

    def announce(url: str) -> None:
        urls.append(url)
        raise KeyboardInterrupt

    thread = threading.Thread(target=run, args=(box.app, "127.0.0.1", 0, announce))
    thread.start()
    thread.join(10)
    assert len(urls) == 1
    assert not thread.is_alive()
