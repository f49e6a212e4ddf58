"""Expressions of GitHub Actions: what stands in `${{ … }}` and in `if:`.

Values are those of JSON. Whatever the real service would not know is refused, but for properties: an unknown one is
null, as there.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from support.actions.values import Refused, equal, less, member, string, truthy

CONTEXTS = frozenset({"env", "github", "inputs", "job", "jobs", "needs", "runner", "secrets", "steps", "vars"})
STATUS = frozenset({"always", "cancelled", "failure", "success"})
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="))
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[-+]?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?))
    |(?P<string>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w-]*)|(?P<sign>&&|\|\||[=!<>]=|[<>!()\[\].,]))""",
    re.VERBOSE,
)
_HOLE = re.compile(r"\$\{\{((?:[^'}]|'[^']*'|\}(?!\}))*)\}\}")


@dataclass(frozen=True)
class Scope:
    """What an expression may see: contexts, and what the four functions of status say, where they may be asked."""

    contexts: Mapping[str, Any]
    status: Mapping[str, Callable[[], bool]] = field(default_factory=dict)

    def only(self, *names: str) -> "Scope":
        """Return the scope of a place that knows these contexts and no status."""
        return Scope({name: self.contexts[name] for name in names if name in self.contexts})


_Node = Callable[[Scope], Any]


class Expression:
    """One expression. `asks_status`: it calls a function of status, so that none is implied."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.asks_status = False
        self._tokens = self._split(self.text)
        self._value = self._level(0)
        if self._tokens:
            raise Refused(f"{self._tokens[0][1]!r} is too much in: {self.text}")

    def value(self, scope: Scope) -> Any:
        return self._value(scope)

    @staticmethod
    def _split(text: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                raise Refused(f"no expression from {text[at:]!r} on: {text}")
            tokens.append((str(found.lastgroup), found.group().strip()))
            at = found.end()
        return tokens

    def _take(self, *texts: str) -> str | None:
        if self._tokens and self._tokens[0][0] == "sign" and self._tokens[0][1] in texts:
            return self._tokens.pop(0)[1]
        return None

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise Refused(f"{text!r} is missing in: {self.text}")

    def _level(self, level: int) -> _Node:
        if level == len(_LEVELS):
            return self._unary()
        left = self._level(level + 1)
        while sign := self._take(*_LEVELS[level]):
            left = _joined(sign, left, self._level(level + 1))
        return left

    def _unary(self) -> _Node:
        if self._take("!"):
            inner = self._unary()
            return lambda scope: not truthy(inner(scope))
        value = self._primary()
        while sign := self._take(".", "["):
            if sign == ".":
                kind, name = self._tokens.pop(0) if self._tokens else ("", "")
                if kind != "name":
                    raise Refused(f"no name behind a dot in: {self.text}")
                value = _member(value, _constant(name))
            else:
                value = _member(value, self._level(0))
                self._need("]")
        return value

    def _primary(self) -> _Node:
        if self._take("("):
            inner = self._level(0)
            self._need(")")
            return inner
        kind, text = self._tokens.pop(0) if self._tokens else ("end", "")
        if kind == "number":
            number = float(int(text, 16)) if "x" in text else float(text)
            return _constant(number)
        if kind == "string":
            literal = text[1:-1].replace("''", "'")
            return _constant(literal)
        if kind != "name":
            raise Refused(f"a value is missing in: {self.text}")
        if self._take("("):
            return self._call(text)
        if text in _WORDS:
            return _constant(_WORDS[text])
        if text not in CONTEXTS:
            raise Refused(f"no context is called {text!r}: {self.text}")
        return lambda scope: self._context(scope, text)

    def _context(self, scope: Scope, name: str) -> Any:
        if name not in scope.contexts:
            raise Refused(f"the context {name!r} is not to be had here: {self.text}")
        return scope.contexts[name]

    def _call(self, name: str) -> _Node:
        arguments: list[_Node] = []
        while not self._take(")"):
            if arguments:
                self._need(",")
            arguments.append(self._level(0))
        key = name.casefold()
        if key in STATUS:
            if arguments:
                raise Refused(f"{name} takes nothing: {self.text}")
            self.asks_status = True
            return lambda scope: self._status(scope, key)
        if key not in _FUNCTIONS:
            raise Refused(f"no function is called {name!r}: {self.text}")
        least, most, function = _FUNCTIONS[key]
        if not least <= len(arguments) <= most:
            raise Refused(f"{name} has {len(arguments)} arguments: {self.text}")
        return lambda scope: function(*(argument(scope) for argument in arguments))

    def _status(self, scope: Scope, name: str) -> bool:
        if name not in scope.status:
            raise Refused(f"{name}() is for `if:` alone: {self.text}")
        return scope.status[name]()


def holes(template: str) -> list[Expression]:
    """Return the expressions of a text."""
    rest = _HOLE.sub("", template)
    if "${{" in rest:
        raise Refused(f"an expression does not end: {template}")
    return [Expression(found.group(1)) for found in _HOLE.finditer(template)]


def value(template: Any, scope: Scope) -> Any:
    """Return what a value of a workflow says: that of the expression where it is one and nothing else."""
    if not isinstance(template, str):
        return template
    found = holes(template)
    if len(found) == 1 and _HOLE.fullmatch(template.strip()):
        return found[0].value(scope)
    return text(template, scope)


def text(template: Any, scope: Scope) -> str:
    """Return a value of a workflow as a text, its expressions filled in."""
    if not isinstance(template, str):
        return string(template)
    holes(template)
    return _HOLE.sub(lambda found: string(Expression(found.group(1)).value(scope)), template)


def condition(template: Any, scope: Scope) -> bool:
    """Tell whether an `if:` holds (None: there is none). Without a function of status, success() is implied."""
    written = string(template).strip() if template is not None else "success()"
    if "${{" in written:
        found = holes(written)
        if len(found) != 1 or not _HOLE.fullmatch(written):
            raise Refused(f"an `if:` that is more than one expression always holds: {written}")
        expression = found[0]
    else:
        expression = Expression(written)
    if not expression.asks_status and not scope.status["success"]():
        return False
    return truthy(expression.value(scope))


def _constant(item: Any) -> _Node:
    return lambda _scope: item


def _joined(sign: str, left: _Node, right: _Node) -> _Node:
    if sign == "||":
        return lambda scope: first if truthy(first := left(scope)) else right(scope)
    if sign == "&&":
        return lambda scope: right(scope) if truthy(first := left(scope)) else first
    compare: Callable[[Any, Any], bool] = {
        "==": equal,
        "!=": lambda one, other: not equal(one, other),
        "<": less,
        ">": lambda one, other: less(other, one),
        "<=": lambda one, other: less(one, other) or equal(one, other),
        ">=": lambda one, other: less(other, one) or equal(one, other),
    }[sign]
    return lambda scope: compare(left(scope), right(scope))


def _member(of: _Node, name: _Node) -> _Node:
    return lambda scope: member(of(scope), name(scope))


def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, list):
        return any(equal(item, what) for item in where)
    return string(what).upper() in string(where).upper()


def _format(template: Any, *values: Any) -> str:
    def filled(found: re.Match[str]) -> str:
        whole = found.group()
        if whole in ("{{", "}}"):
            return whole[0]
        if not found.group(1) or int(found.group(1)) >= len(values):
            raise Refused(f"format: {template}")
        return string(values[int(found.group(1))])

    return re.sub(r"\{\{|\}\}|\{(\d+)\}|[{}]", filled, string(template))


def _whole(item: Any) -> Any:
    if isinstance(item, Mapping):
        return {key: _whole(inner) for key, inner in item.items()}
    if isinstance(item, list):
        return [_whole(inner) for inner in item]
    return int(item) if isinstance(item, float) and item == int(item) else item


_WORDS = {"null": None, "true": True, "false": False}
_FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Any]]] = {
    "contains": (2, 2, _contains),
    "startswith": (2, 2, lambda where, what: string(where).upper().startswith(string(what).upper())),
    "endswith": (2, 2, lambda where, what: string(where).upper().endswith(string(what).upper())),
    "format": (1, 99, _format),
    "tojson": (1, 1, lambda item: json.dumps(_whole(item), indent=2, ensure_ascii=False)),
    "fromjson": (1, 1, lambda item: json.loads(string(item))),
}
