"""What is wrong with a list, in words for the person who made it."""

from typing import NamedTuple


class Problem(NamedTuple):
    """Something wrong with a list. It names lines and columns, never what stands in a person's row."""

    code: str
    message: str
    hint: str
    line: int | None = None


class BrokenError(Exception):
    """A list cannot be read any further."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


Row = tuple[int | str, ...]
"""A data row: the physical line on which it begins, from 1, then its trimmed cells."""


def unreadable(why: str) -> Problem:
    """Tell of a file that could not be read."""
    return Problem("lead-list-unreadable", f"the list could not be read: {why}", "Check the file, then run again.")


def not_text(encoding: str, line: int) -> Problem:
    """Tell of bytes that are no text: not of this encoding, or NUL."""
    return Problem(
        "lead-encoding",
        f"there are bytes here that are not {encoding} text",
        "Save the list as UTF-8 (in a spreadsheet: “CSV UTF-8”).",
        line,
    )
