"""The text of a list, line by line: unpacked, decoded, and in bounds.

UTF-8, UTF-16 and UTF-32, by their byte order marks; UTF-16 also without one. A file that is certainly not UTF-8 and
looks like Windows-1252 throughout is read as that, and it is told.
"""

import codecs
import gzip
import io
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple, cast

from reconciler.leads.problem import BrokenError, Problem, unreadable

LARGEST_FILE = 20_000_000_000
"""Bytes of text. A larger list is refused."""

LONGEST_ROW = 1_000_000
"""Characters, those between the cells too. As UTF-8, with its quotes, it fits into the 4 MB that DuckDB is given."""

BAD_TEXT = re.compile("[\x00\ud800-\udfff]")
"""NUL, and what stands for bytes that could not be decoded."""

_CHUNK = 1 << 20
_SAMPLE = 1 << 12
_MARK = "\udc80"
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)

_LOWER = rb"\x9a\x9c\x9e\xaa\xba\xdf-\xf6\xf8-\xff"
_UPPER = rb"\x8a\x8c\x8e\x9f\xc0-\xd6\xd8-\xde"
_NO_WINDOWS_1252 = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"  # a character of UTF-8
    rb"|[\x81\x8d\x8f\x90\x9d]"  # undefined
    rb"|[\x83\x86-\x89\x95\x98\xa4\xa6\xa8\xac\xad\xaf\xb1-\xb3\xb5\xb6\xb8\xb9\xbc-\xbe\xd7\xf7]"  # signs, fractions
    rb"|[" + _LOWER + _UPPER + rb"]{3}"  # nothing but accents: Cyrillic, Greek, Chinese, …
    rb"|[a-z" + _LOWER + rb"][" + _UPPER + rb"]|[A-Z][" + _UPPER + rb"][a-z]"  # a capital within a word: Mac Roman
    rb"|[A-Za-z][\x80\x82\x84\x85\x8b\x93\x94\x99\x9b\xa1-\xa3\xa5\xa7\xa9\xab\xae\xb0\xbb\xbf][a-z]"  # a sign: DOS
    rb"|[\x80\x99\xa2\xa3\xa5\xa7\xa9\xae][a-z]"  # a sign where a word begins: Łukasz, Škoda in Central European
    rb"|[A-Za-z][\x82\x84\xa1\xbf]|[a-z]\x91[^A-Za-z]"  # what opens, where a word ends: José in DOS, Zoë in Mac Roman
    rb"|\x9f[a-z]|[a-z]\x96[a-z]"  # a letter only of capitals, a dash within a word: Müller, Peña in Mac Roman
)
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\t\n\v\f\r"))
_LONGEST_MATCH = 4


class Text(NamedTuple):
    """The text of a list. `lines` reads it once more from its beginning; `note` tells how it had to be understood."""

    lines: Callable[[], "Lines"]
    note: Problem | None


class Lines:
    """Physical lines, counted from 1, with those of the row that is being read: the csv module does not keep them.

    Lines end with LF, CR or both. `sound` ones certainly hold no NUL, nor bytes that are not text. Iteration raises
    `BrokenError` where there is no reading on.
    """

    def __init__(self, stream: io.TextIOBase, encoding: str, *, sound: bool) -> None:
        self.encoding = encoding
        self.sound = sound
        self._readline = stream.readline
        self._number = 0
        self._raw: list[str] = []
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = self._readline(LONGEST_ROW + 1)
        except (OSError, EOFError, zlib.error) as problem:
            raise BrokenError(_unreadable(problem)) from None
        if not line:
            raise StopIteration
        self._number += 1
        self._raw.append(line)
        self._size += len(line)
        if self._size > LONGEST_ROW:
            raise BrokenError(_too_long(self._number - len(self._raw) + 1))
        return line

    def take(self) -> tuple[int, list[str]]:
        """Return the number of the row's first line and its lines; the next row begins after them."""
        raw, self._raw, self._size = self._raw, [], 0
        return self._number - len(raw) + 1, raw


def is_compressed(path: Path) -> bool:
    """Whether a file is packed with gzip, by its ending."""
    return path.name.lower().endswith(".gz")


def kind_of(path: Path) -> str:
    """Return the ending of a file in lower case, that of gzip left aside."""
    name = path.name.lower().removesuffix(".gz")
    return name[name.rfind(".") :] if "." in name else ""


@contextmanager
def open_text(path: Path) -> Iterator[Text]:
    """Open a list. Raises `BrokenError` where it cannot be read, and at the end where it was changed meanwhile."""
    with ExitStack() as stack:
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise BrokenError(unreadable("it is not a file"))
            binary = stack.enter_context(path.open("rb"))
            before = os.fstat(binary.fileno())

            def bytes_again() -> IO[bytes]:
                """Open the bytes once more; what closes them leaves the file open."""
                again = stack.enter_context(os.fdopen(binary.fileno(), "rb", closefd=False))
                again.seek(0)
                return cast("IO[bytes]", gzip.GzipFile(fileobj=again)) if is_compressed(path) else again

            encoding, sound = _look_through(bytes_again)
        except (OSError, EOFError, zlib.error) as problem:
            raise BrokenError(_unreadable(problem)) from None

        def lines() -> Lines:
            stream = io.TextIOWrapper(bytes_again(), encoding=encoding, errors=_mark_bad.__name__, newline="")
            return Lines(stack.enter_context(stream), "-".join(encoding.upper().split("-")[:2]), sound=sound)

        try:
            yield Text(lines, _WINDOWS_1252 if encoding == "cp1252" else None)
        except BrokenError:
            _check_unchanged(binary, before)
            raise
        _check_unchanged(binary, before)


def _check_unchanged(binary: IO[bytes], before: os.stat_result) -> None:
    after = os.fstat(binary.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise BrokenError(unreadable("it was changed while it was read")) from None


def _mark_bad(problem: UnicodeError) -> tuple[str, int]:
    """Let a mark stand for bytes that cannot be decoded."""
    return _MARK, cast("UnicodeDecodeError", problem).end


codecs.register_error(_mark_bad.__name__, _mark_bad)


def _look_through(bytes_again: Callable[[], IO[bytes]]) -> tuple[str, bool]:
    """Return the encoding of a file, read once to its end, and whether it is certainly sound."""
    with bytes_again() as stream:
        sample = stream.read(_SAMPLE)
        encoding = _marked(sample) or _wide(sample) or "utf-8"
        decoder, size = codecs.getincrementaldecoder("utf-8")(), 0
        valid = narrow = encoding.startswith("utf-8")
        nothing = False
        chunk = sample
        while chunk:
            size += len(chunk)
            if size > LARGEST_FILE:
                raise BrokenError(_too_large())
            nothing = nothing or b"\0" in chunk
            if valid:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    valid = False
            chunk = stream.read(_CHUNK)
    valid = valid and not decoder.getstate()[0]
    if narrow and not valid and _is_windows_1252(bytes_again):
        return "cp1252", True
    return encoding, valid and not nothing


def _marked(sample: bytes) -> str | None:
    return next((name for mark, name in _MARKS if sample.startswith(mark)), None)


def _wide(sample: bytes) -> str | None:
    """Tell UTF-16 without a mark: every other byte of the first Latin letters is NUL, and none of the others is."""
    even, odd = sample[0::2], sample[1::2]
    for name, high, low in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if b"\0" not in low and high.count(b"\0") * 2 > len(high):
            return name
    return None


def _is_windows_1252(bytes_again: Callable[[], IO[bytes]]) -> bool:
    """Whether bytes that are not UTF-8 look like Western European text, to their end."""
    with bytes_again() as stream:
        tail = b""
        while chunk := stream.read(_CHUNK):
            text = tail + chunk
            if len(text) != len(text.translate(None, _CONTROLS)):
                return False
            for found in _BEYOND_ASCII.finditer(text):
                if _NO_WINDOWS_1252.search(text, max(found.start() - 1, 0), found.end() + 1):
                    return False
            tail = text[-_LONGEST_MATCH:]
    return True


_WINDOWS_1252 = Problem(
    "lead-encoding",
    "the list was read as Windows-1252, since it is not UTF-8",
    "Windows-1250 and other encodings cannot be told apart from it: look at a name with an accent in the preview, or "
    "save the list as UTF-8 (in a spreadsheet: “CSV UTF-8”).",
)


def _unreadable(problem: OSError | EOFError | zlib.error) -> Problem:
    if isinstance(problem, EOFError):
        return unreadable("it is packed with gzip, and its end is missing")
    if isinstance(problem, gzip.BadGzipFile | zlib.error):
        return unreadable("it is not packed with gzip, as its ending says, or it is damaged")
    return unreadable((problem.strerror or type(problem).__name__).lower())


def _too_large() -> Problem:
    return Problem(
        "lead-list-size",
        f"the list has more than {LARGEST_FILE / 1e9:,.0f} GB of text; no more is read",
        "Split it into several campaigns.",
    )


def _too_long(line: int) -> Problem:
    return Problem(
        "lead-row",
        f"a row here is longer than {LONGEST_ROW:,} characters; the rest of the list was not read",
        "Most often a quote was opened and not closed, or the file is no list.",
        line,
    )
