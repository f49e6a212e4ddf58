"""The `gh` of played jobs: `gh api` and nothing else; its first argument is the server, the rest are gh's.

It knows no more of gh than pipelines use, and ends with 2 where it is asked for more.
"""

import argparse
import http.client
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlencode, urlsplit


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("gh", allow_abbrev=False)
    verbs = parser.add_subparsers(required=True)
    api = verbs.add_parser("api", allow_abbrev=False)
    api.add_argument("path")
    api.add_argument("-X", "--method")
    api.add_argument("-H", "--header", action="append", default=[])
    api.add_argument("-f", "--raw-field", action="append", default=[], dest="raw")
    api.add_argument("-F", "--field", action="append", default=[], dest="typed")
    api.add_argument("--input")
    api.add_argument("--paginate", action="store_true")
    api.add_argument("--slurp", action="store_true")
    return parser.parse_args(given)


def _typed(text: str) -> Any:
    if text.startswith("@"):
        return sys.stdin.read() if text == "@-" else Path(text[1:]).read_text()
    if text in ("true", "false", "null") or re.fullmatch(r"-?\d+", text):
        return json.loads(text)
    return text


def _fields(asked: argparse.Namespace) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    pairs = [(item, str) for item in asked.raw] + [(item, _typed) for item in asked.typed]
    for item, kind in pairs:
        name, sign, text = item.partition("=")
        if not sign:
            _end(1, f"field \"{item}\" requires a value separated by an '=' sign")
        if name.endswith("[]"):
            fields.setdefault(name[:-2], []).append(kind(text))
        elif "[" in name:
            _end(2, f"the gh of these tests knows no nested field: {name}")
        else:
            fields[name] = kind(text)
    return fields


def _end(code: int, message: str) -> NoReturn:
    print(message, file=sys.stderr)  # noqa: T201 - as gh does
    sys.exit(code)


def _ask(server: str, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, str]:
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=30)
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers.get("Link", "")


def main(server: str, given: list[str]) -> int:
    asked = _arguments(given)
    token = os.environ.get("GH_TOKEN") or os.environ.get("GITHUB_TOKEN")
    if not token:
        _end(4, "gh: To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN environment variable.")
    fields = _fields(asked)
    method = asked.method or ("POST" if fields or asked.input else "GET")
    path = f"{urlsplit(server).path}/{quote(asked.path.lstrip('/'), safe='/?&=%:+,')}"
    body = b""
    if asked.input:
        body = sys.stdin.buffer.read() if asked.input == "-" else Path(asked.input).read_bytes()
    if fields and (method == "GET" or asked.input):
        path += ("&" if "?" in path else "?") + urlencode(fields)
    elif fields:
        body = json.dumps(fields).encode()
    headers = {"Authorization": f"token {token}", "Accept": "application/vnd.github+json"}
    headers.update({name.strip(): text.strip() for name, _, text in (item.partition(":") for item in asked.header)})
    pages = []
    while True:
        status, content, links = _ask(server, method, path, body, headers)
        if status >= http.client.BAD_REQUEST:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
            told = json.loads(content)
            errors = "".join(f"\n{error['message']}" for error in told.get("errors", []))
            _end(1, f"gh: {told['message']} (HTTP {status}){errors}")
        pages.append(content)
        following = re.search(r'<([^>]*)>; rel="next"', links)
        if not asked.paginate or not following:
            break
        path = following.group(1)
    sys.stdout.buffer.write(_joined(pages, slurp=asked.slurp))
    return 0


def _joined(pages: list[bytes], *, slurp: bool) -> bytes:
    """Return all pages as gh prints them: lists as one list, unless they are to be a list of pages."""
    if slurp:
        return b"[" + b",".join(pages) + b"]"
    if len(pages) > 1 and all(page.startswith(b"[") for page in pages):
        return json.dumps([item for page in pages for item in json.loads(page)]).encode()
    return b"".join(pages)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
