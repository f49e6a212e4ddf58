"""What pydantic finds, in this product's words, with its place."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from reconciler.diagnostics import Diagnostic, SourceRange, error
from reconciler.loading.layers import Layer
from reconciler.loading.shape import Shape, shape_at
from reconciler.loading.yamlmarks import MAX_PROBLEMS, Path
from reconciler.model.campaign import KEY_PATTERN, NO_PART, PART_PATTERN
from reconciler.model.workspace import DAY_PATTERN, NO_DAY, REF_PATTERN, REMOTE_PATTERN
from reconciler.tokens import nearest

_KINDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "`true` or `false`",
    "dict_type": "a mapping (lines of `key: value`)",
    "model_type": "a mapping (lines of `key: value`)",
    "tuple_type": "a list",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}
_SHOWN = 60
"""Characters of a value that are quoted in a message."""


def told(
    problem: ValidationError,
    layer_of: Callable[[Path], Layer],
    shape: Shape,
    *,
    partial: bool = False,
    campaign: str | None = None,
) -> list[Diagnostic]:
    """Return one diagnostic for each thing wrong. `layer_of` tells where the value at a path comes from.

    With `partial`, missing keys are left out unless they are missing in an item of a list, which is never joined with
    another.
    """
    by_path: dict[Path, list[Any]] = {}
    for item in problem.errors(include_url=False):
        if item["type"] == "too_short" and item["input"]:
            continue  # it is short because its items are wrong, each of which is told
        by_path.setdefault(_path(item["loc"], item["type"], layer_of), []).append(item)
    found = []
    for path, items in list(by_path.items())[:MAX_PROBLEMS]:
        layer = layer_of(path)
        is_missing = items[0]["type"] == "missing"
        if layer.is_broken(path) or (partial and is_missing and not any(isinstance(part, int) for part in path)):
            continue
        code, message, hint = _words(path, items, shape, layer.document.inexact.get((*layer.prefix, *path)))
        at = layer.key_place(path) if code in {"unknown-key", "blank-key"} else _place(layer, path, items)
        found.append(error(code, message, hint=hint, at=at, campaign=campaign))
    return found


def inexact_numbers(layer: Layer, *, campaign: str | None = None) -> list[Diagnostic]:
    """Tell the variables that would be printed otherwise than they are written (`19.90` as `19.9`)."""
    found = []
    depth = len(layer.prefix)
    for path, written in layer.document.inexact.items():
        if path[:depth] == layer.prefix and path[depth : depth + 1] == ("variables",):
            name = clipped(path[-1])
            message = f"The variable `{name}` would not be printed as it is written, `{clipped(written)}`."
            hint = f'Put it in quotes: "{written}"'
            at = layer.place(path[depth:])
            found.append(error("inexact-number", message, hint=hint, at=at, campaign=campaign))
    return found


def path_text(path: Iterable[str | int]) -> str:
    """Write a path as people read it: `sequenceSteps[0].subject`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{clipped(part)}" if text else clipped(part)
    return text


def clipped(value: object) -> str:
    """Write a value on one line of bounded length, to be quoted in a message."""
    text = str(value)
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return " ".join(shown.split())


def _path(loc: tuple[str | int, ...], kind: str, layer_of: Callable[[Path], Layer]) -> Path:
    """Cut off what pydantic adds at the end of a path: the member of a union, `[key]`."""
    path: Path = loc
    if kind == "missing":
        return path
    while path and not layer_of(path).has(path):
        path = path[:-1]
    return path


def _place(layer: Layer, path: Path, items: Sequence[Any]) -> SourceRange:
    return layer.place(path[:-1] if items[0]["type"] == "missing" else path)


def _words(path: Path, items: Sequence[Any], shape: Shape, written: str | None) -> tuple[str, str, str | None]:
    if any(item["loc"] and item["loc"][-1] == "[key]" for item in items):
        return "blank-key", f"A key of `{path_text(path[:-1])}` is blank.", "Give it a name."
    name = f"`{path_text(path)}`" if path else "The file"
    # Of a union, the member that has the right type tells more than the others.
    item = next((item for item in items if item["type"] not in _KINDS), items[0])
    kind = item["type"]
    if kind == "missing":
        where = f" in `{path_text(path[:-1])}`" if len(path) > 1 else ""
        return "missing-key", f"`{path[-1]}` is missing{where}.", None
    if kind == "extra_forbidden":
        return _unknown(path, shape)
    if kind in _KINDS:
        wanted = _KINDS[kind] if len(items) == 1 else _one_of([part["type"] for part in items])
        return _wrong_type(name, wanted, item["input"], written)
    return "wrong-value", f"{name} {_value_words(item)}.", _value_hint(item)


def _unknown(path: Path, shape: Shape) -> tuple[str, str, str | None]:
    parent = shape_at(shape, path[:-1])
    known = sorted(parent.keys) if parent else []
    where = f" in `{path_text(path[:-1])}`" if path[:-1] else ""
    near = nearest(str(path[-1]), known)
    hint = f"Did you mean `{near}`?" if near else f"Known keys: {', '.join(known)}; your own ones begin with `x-`."
    return "unknown-key", f"There is no key `{clipped(path[-1])}`{where}.", hint


def _wrong_type(name: str, wanted: str, value: object, written: str | None) -> tuple[str, str, str | None]:
    hint = None
    if value is None:
        hint = "Give it a value, or remove the line."
    elif wanted == "a text" and isinstance(value, (bool, int, float)):
        shown = str(value).lower() if isinstance(value, bool) else written or str(value)
        hint = f'Put it in quotes: "{clipped(shown)}"'
    elif wanted == "`true` or `false`":
        hint = "Only `true` and `false` are booleans; `yes`, `on` and the like are texts."
    elif "number" in wanted and isinstance(value, str):
        hint = "Write the number without quotes and leading zeros."
    return "wrong-type", f"{name} must be {wanted}, not {_kind_of(value)}.", hint


def _one_of(kinds: Iterable[str]) -> str:
    wanted = set(kinds)
    if wanted == {"int_type", "float_type"}:
        return "a number"
    if {"int_type", "float_type"} <= wanted:
        wanted.discard("int_type")
    words = [words for kind, words in _KINDS.items() if kind in wanted]
    return ", ".join(words[:-1]) + (" or " if len(words) > 1 else "") + words[-1]


def _kind_of(value: object) -> str:
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "`true` or `false`"),
        (int, "a number"),
        (float, "a number"),
        (str, "a text"),
        (dict, "a mapping"),
        (list, "a list"),
        (tuple, "a list"),
    )
    return next((words for kind, words in kinds if isinstance(value, kind)), "empty")


def _value_words(item: Any) -> str:  # noqa: ANN401 - one of pydantic's error details
    kind, context, value = item["type"], item.get("ctx", {}), item["input"]
    shown = clipped(value)
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"must be {words} {context[bound]:,}, not {shown}"
    if kind in {"string_too_short", "string_pattern_mismatch"} and not str(value).strip():
        return "must not be blank"
    if kind == "string_pattern_mismatch":
        return _pattern_words(context["pattern"], shown)
    words_by_kind: dict[str, Callable[[], str]] = {
        "literal_error": lambda: f"must be {context['expected'].replace(chr(39), '`')}, not `{shown}`",
        "too_long": lambda: f"has {context['actual_length']} entries; {context['max_length']} are the most",
        "too_short": lambda: "must not be empty",
        "string_too_long": lambda: f"is longer than {context['max_length']:,} characters",
        "value_error": lambda: f"is not complete: {context['error']}",
        NO_DAY: lambda: f"is no day of the calendar: `{shown}`",
        NO_PART: lambda: f"is `{shown}`, which comes after the last part: the second of two is `2/2`",
    }
    return words_by_kind.get(kind, lambda: f"is not valid: {item['msg']}")()


def _pattern_words(pattern: str, shown: str) -> str:
    if pattern == KEY_PATTERN:
        rule = "a key has up to 80 lower-case letters, digits, `.`, `_` and `-`, and begins with a letter or digit"
        return f"is `{shown}`; {rule}"
    if pattern == DAY_PATTERN:
        return f"must be a day written like 2026-12-05, not `{shown}`"
    if pattern == PART_PATTERN:
        return f"must be one of up to 100 parts, such as `1/2` (the first of two), not `{shown}`"
    if pattern == REMOTE_PATTERN:
        return f"must be the name of a remote such as `origin`, not `{shown}`"
    if pattern == REF_PATTERN:
        return f"must be a ref such as `refs/reconciler/production`, not `{shown}`"
    return f"must be a time of day from 00:00 to 23:59, not `{shown}`"


def _value_hint(item: Any) -> str | None:  # noqa: ANN401 - one of pydantic's error details
    if item["type"] == "literal_error":
        expected = item["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        near = nearest(str(item["input"]), expected)
        return f"Did you mean `{near}`?" if near else None
    if item["type"] == "string_pattern_mismatch" and item["ctx"]["pattern"] == KEY_PATTERN:
        return "Spaces become `-`, capitals small letters."
    return None
