"""Small faults in a Python source, one at a time: what `make mutants` plants.

Each is a change of one expression: a comparison or its boundary, an operator, a number, a condition turned
round, an answer of None, a call left out, an option left out, the least for the largest. What only words an
error, writes a `__repr__` or types a name is left alone, since no number hangs on it.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

__all__ = ["Mutation", "mutations"]

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
_REACHED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
_SWAPPED = {
    "min": "max", "any": "all", "minimum": "maximum", "argmin": "argmax", "floor": "ceil", "mean": "sum",
    "zeros": "ones", "zeros_like": "ones_like", "tril": "triu", "union1d": "intersect1d", "lower": "upper",
}  # fmt: skip
_SWAPPED |= {second: first for first, second in _SWAPPED.items()}
# Options that say how something is computed or reported, not what.
_LEFT_ALONE = frozenset(
    {
        "strict", "dtype", "copy", "kind", "maxsize", "stacklevel", "name", "what", "stage", "on_event",
        "should_stop", "device", "optimize", "ensure_ascii", "batch_size", "generator", "default",
    }
)  # fmt: skip
_WORDS = frozenset({"__repr__", "_repr_html_", "__str__"})


@dataclass(frozen=True)
class Mutation:
    """`was` becomes `now` on line `line`, whose text is `at`; `source` is the whole file with the fault."""

    kind: str
    line: int
    at: str
    was: str
    now: str
    source: str
    copy: int = 1  # of those in the file that are written alike, which

    @property
    def name(self) -> str:
        """What it is known by as long as its own line stays, wherever in the file that moves."""
        said = " | ".join((self.kind, self.at, self.was, self.now))
        return said if self.copy == 1 else f"{said} | {self.copy}"


def mutations(source: str) -> list[Mutation]:
    """Every fault that can be planted in `source` and still compiles to another program, in reading order."""
    tree = ast.parse(source)
    lines = source.splitlines()
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    plain = ast.dump(tree)
    found = []
    for node, kind, text in _faults(tree):
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        whole = source.encode()
        changed = (whole[:begin] + text.encode() + whole[end:]).decode()
        try:
            differs = ast.dump(ast.parse(changed)) != plain
        except SyntaxError:  # the place does not take this expression
            continue
        if differs:
            at = lines[node.lineno - 1].strip()
            found.append(Mutation(kind, node.lineno, at, _short(ast.unparse(node)), _short(text), changed))
    ordered = sorted(
        {one.source: one for one in found}.values(), key=lambda one: (one.line, one.was, one.now)
    )
    seen: Counter[str] = Counter()
    for number, one in enumerate(ordered):
        seen[one.name] += 1
        ordered[number] = replace(one, copy=seen[one.name])
    return ordered


def _short(text: str) -> str:
    return " ".join(text.split())


def _faults(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str, str]]:
    """(what is replaced, kind, the text in its place)."""
    for node in _reached(tree):
        if isinstance(node, ast.expr):
            for kind, new in _of_expression(node):
                yield node, kind, f"({ast.unparse(new)})"
        elif isinstance(node, ast.stmt):
            for kind, text in _of_statement(node):
                yield node, kind, text
        for test in (getattr(node, "test", None), *getattr(node, "ifs", ())):
            if isinstance(test, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)):
                yield test, "condition", f"(not {ast.unparse(test)})"


def _reached(node: ast.AST) -> Iterator[ast.AST]:
    """Every node a fault may stand in."""
    if isinstance(node, (ast.Raise, ast.Assert, ast.JoinedStr, ast.Import, ast.ImportFrom)):
        return
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.FunctionDef) and node.name in _WORDS:
        return
    if isinstance(node, ast.Call) and _called(node) in ("warn", "warning", "cast", "TypeVar", "overload"):
        return
    if isinstance(node, ast.keyword) and node.arg in _LEFT_ALONE:
        return
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "op", "ops", "ctx", "slots"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _reached(child)


def _of_expression(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            for number, other in enumerate(_COMPARED[type(op)]):
                ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
                boundary = number == 0 and isinstance(op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE))
                kind = "boundary" if boundary else "comparison"
                yield kind, ast.Compare(node.left, ops, node.comparators)
    elif isinstance(node, ast.BinOp) and type(node.op) in _REACHED:
        if not any(_is_text(side) for side in (node.left, node.right)):
            yield "arithmetic", ast.BinOp(node.left, _REACHED[type(node.op)](), node.right)
    elif isinstance(node, ast.BoolOp):
        other_op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "condition", ast.BoolOp(other_op, node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub, ast.Invert)):
        yield ("condition" if isinstance(node.op, ast.Not) else "arithmetic"), node.operand
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node.value)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)


def _of_constant(value: object) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(value, bool):
        yield "constant", ast.Constant(not value)
    elif isinstance(value, int):
        yield "constant", ast.Constant(value + 1)
    elif isinstance(value, float):
        yield "constant", ast.Constant(value * 2 if value else 1.0)


def _of_call(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    swapped = _SWAPPED.get(_called(node))
    if swapped is not None and isinstance(node.func, ast.Attribute):
        yield "call", ast.Call(ast.Attribute(node.func.value, swapped), node.args, node.keywords)
    elif swapped is not None:
        yield "call", ast.Call(ast.Name(swapped), node.args, node.keywords)
    for left_out in node.keywords:
        if left_out.arg is not None and left_out.arg not in _LEFT_ALONE:
            rest = [one for one in node.keywords if one is not left_out]
            yield "option", ast.Call(node.func, node.args, rest)


def _of_statement(node: ast.stmt) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        yield "answer", "return None"
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "left out", "pass"
    elif isinstance(node, ast.AugAssign) and type(node.op) in _REACHED and not _is_text(node.value):
        other = ast.AugAssign(node.target, _REACHED[type(node.op)](), node.value)
        yield "arithmetic", ast.unparse(other)


def _called(node: ast.Call) -> str:
    name = node.func
    return name.id if isinstance(name, ast.Name) else name.attr if isinstance(name, ast.Attribute) else ""


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
