"""The JSON of an exported program, checked word by word before torch makes code of it.

torch's own reader trusts this text: it evaluates its expressions, writes its names into the source of functions, imports the
modules that its containers name, and lets any function be an operator. So here only what a network needs is let through, and
the rest is refused: operators of ``aten`` and the like, names that are names, sums and products of sizes.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

from .archive import line
from .record import words

MOST_SYMBOLS = 100_000
CPU = {"type": "cpu", "index": None}
_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims|torchvision|quantized_decomposed)\.([A-Za-z]\w*|_[A-Za-z0-9]\w*|__i?(and|or|xor|lshift|rshift)__)\.[A-Za-z]\w*",
    re.ASCII,
)
_HIGHER = re.compile(
    r"torch\.ops\.higher_order\.(cond|while_loop|scan|associative_scan|map_impl|wrap_with_set_grad_enabled|wrap_with_autocast)"
)
_ARITHMETIC = re.compile(
    r"_operator\.(eq|ne|le|ge|lt|gt|neg|pos|abs|not_|mul|add|sub|floordiv|truediv|mod|pow|and_|or_|lshift|rshift|getitem)"
    r"|math\.(trunc|ceil|floor|sqrt)|torch\.sym_(not|int|float|ite|max|min|sum|sqrt)|torch\._C\._set_grad_enabled"
)
_TOUCHES = re.compile(r"torch\.ops\.\w+\.(from_file|save|load|_?print|warn)\.\w+")
_NAME = re.compile(r"[A-Za-z0-9_][\w.\-/: +]*|", re.ASCII)
_STACK = re.compile(r"[\w.,;@\[\]()' /+:-]*", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9_.]*", re.ASCII)
_SYMBOL = re.compile(r"[a-z]{1,4}(\d{1,6})")
_FUNCTIONS = words(
    "FloorDiv ModularIndexing Where PythonMod Mod CleanDiv CeilToInt FloorToInt CeilDiv IntTrueDiv FloatTrueDiv TruncToFloat "
    "TruncToInt RoundToInt ToFloat Identity Max Min Abs Eq Ne Lt Le Gt Ge And Or Not floor ceiling Add Mul Pow Integer Rational "
    "Symbol"
)
_CONTAINERS = frozenset({"builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict", None})
_DROPPED = frozenset({"guards_code", "torch_version"})
_FQN = frozenset({"parameter_name", "buffer_name", "tensor_constant_name", "user_input_name", "fqn"})
_EXPRESSION = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Name, ast.Load, ast.Constant, ast.Call,
    ast.keyword, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.USub, ast.UAdd, ast.Not,
    ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE,
)  # fmt: skip


def cleaned(program: Any) -> tuple[dict[str, Any], list[str]]:
    """The program without what is not needed to run it, and what in the rest could run other code.

    Dropped are guards (code), and what nodes say of the source that they come from; of that, the modules are kept. It is put on
    the CPU.
    """
    if not isinstance(program, dict) or not isinstance(program.get("graph_module"), dict):
        return {}, ["it holds no graph"]
    kept = {name: held for name, held in program.items() if name not in _DROPPED}
    kept["graph_module"] = {**kept["graph_module"], "metadata": {}, "treespec_namedtuple_fields": {}}
    dangers: dict[str, None] = {}
    for holder, key, value, within in _walked(kept):
        if isinstance(holder, dict) and not _PLAIN.fullmatch(key) and not (within == "config" and _NAME.fullmatch(key)):
            dangers[f"the name {key[:80]!r}"] = None
        if key == "metadata":
            holder[key] = _origin(value)
        elif key in ("device", "as_device") and isinstance(holder, dict):
            holder[key] = dict(CPU)
        elif isinstance(value, str) and (said := _danger(key, value)):
            dangers[said] = None
    dangers |= dict.fromkeys(_ranges(kept.get("range_constraints")))
    dialects = kept.get("verifiers", [])
    if not isinstance(dialects, list) or not set(map(str, dialects)) <= {"TRAINING", "ATEN", ""}:
        dangers["a dialect that is not torch's own"] = None
    return kept, list(dangers)


def operators(program: Any) -> Iterator[str]:
    """The operator of every node, those of inner graphs among them."""
    for _, key, value, _ in _walked(program):
        if key == "target" and isinstance(value, str):
            yield value.removeprefix("torch.ops.")


def places(program: dict[str, Any]) -> list[tuple[str, str, list[int | None], int]]:
    """Name, role, shape and number of the dtype of each input of the user and each output."""
    graph_module = program.get("graph_module", {})
    signature, values = graph_module.get("signature", {}), graph_module.get("graph", {}).get("tensor_values", {})
    found: list[tuple[str, str, list[int | None], int]] = []
    for role, kind in (("input", "user_input"), ("output", "user_output")):
        for spec in signature.get(f"{role}_specs", []):
            name = spec.get(kind, {}).get("arg", {}).get("as_tensor", {}).get("name")
            meta = values.get(name) if isinstance(name, str) else None
            if isinstance(meta, dict):
                found.append((name, role, [size.get("as_int") for size in meta.get("sizes", [])], int(meta.get("dtype", 0))))
    return found


def _walked(program: Any) -> Iterator[tuple[Any, str, Any, str]]:
    """Every entry with what holds it, its key and the key of what holds it; items of lists have the key of their list."""
    waiting: list[tuple[Any, str]] = [(program, "")]
    while waiting:
        holder, within = waiting.pop()
        entries = list(holder.items()) if isinstance(holder, dict) else [(within, each) for each in holder]
        for key, value in entries:
            yield holder, key, value, within
            if isinstance(value, (dict, list)) and key not in ("metadata", "device", "as_device"):
                waiting.append((value, key))


def _danger(key: str, value: str) -> str:
    """What is wrong with one text, by the field that it is in."""
    if key in ("target", "as_operator"):
        return "" if is_operator(value) else f"the operator {value[:80]!r}"
    if key == "expr_str":
        return "" if is_size(value) else f"the expression {value[:80]!r}"
    if key in ("in_spec", "out_spec"):
        return _container(value)
    if key in ("as_string", "as_strings") or (key in ("as_float", "as_floats") and value in ("Infinity", "-Infinity", "NaN")):
        return ""
    if key in _FQN:
        return "" if is_name(value) else f"the name {value[:80]!r}"
    return "" if _PLAIN.fullmatch(value) and is_name(value) else f"the name {value[:80]!r} ({key[:40]})"


def is_operator(target: str) -> bool:
    """Whether an operator computes with numbers and does nothing else.

    >>> is_operator("torch.ops.aten.relu.default"), is_operator("torch.ops.aten.from_file.default"), is_operator("torch.load")
    (True, False, False)
    """
    known = (pattern.fullmatch(target) for pattern in (_OPERATOR, _HIGHER, _ARITHMETIC))
    return any(known) and not _TOUCHES.fullmatch(target)


def is_name(text: str) -> bool:
    """Whether a text can stand where source code has a name, or a name with dots, and be nothing else there.

    >>> is_name("layer1.0.weight"), is_name("x):\\n  import os"), is_name("a.__class__")
    (True, False, False)
    """
    special = any(part.startswith("__") and part.endswith("__") for part in text.split("."))
    return _NAME.fullmatch(text) is not None and not special


def is_size(text: str) -> bool:
    """Whether an expression is arithmetic of symbols for sizes, of modest length.

    >>> is_size("Add(Symbol('s77', positive=True), Integer(1))"), is_size("2*s0"), is_size("__import__('os')"), is_size("9**9**9")
    (True, True, False, False)
    """
    if len(text) > 2000:
        return False
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    powers, symbols = 0, set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if not isinstance(node.func, ast.Name) or not all(_is_assumption(keyword) for keyword in node.keywords):
                return False
            if node.func.id == "Symbol" and len(node.args) == 1 and isinstance(node.args[0], ast.Constant):
                symbols.add(id(node.args[0]))
            if node.func.id == "Pow" and (len(node.args) != 2 or not _is_small(node.args[1])):
                return False
            powers += node.func.id == "Pow"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            powers += 1
            if not _is_small(node.right):
                return False
    return powers <= 4 and all(_is_arithmetic(node, id(node) in symbols) for node in ast.walk(tree))


def _is_arithmetic(node: ast.AST, symbol: bool) -> bool:
    """Whether one part of an expression may be there; ``symbol`` says that it is what Symbol(...) is given."""
    if isinstance(node, ast.Name):
        return node.id in _FUNCTIONS or _SYMBOL.fullmatch(node.id) is not None
    if isinstance(node, ast.Constant):
        if symbol:
            return isinstance(node.value, str) and _SYMBOL.fullmatch(node.value) is not None
        return isinstance(node.value, (int, float)) and abs(node.value) < 2**63
    return isinstance(node, _EXPRESSION)


def _is_assumption(keyword: ast.keyword) -> bool:
    return keyword.arg is not None and isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, bool)


def _is_small(node: ast.expr) -> bool:
    """Whether an exponent is, written as 2, -1 or Integer(2)."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Integer" and len(node.args) == 1:
        node = node.args[0]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, int) and 0 <= node.value <= 8


def _origin(metadata: Any) -> dict[str, Any]:
    """Which modules a node was called in; without it where that is not told in plain names."""
    stack = metadata.get("nn_module_stack") if isinstance(metadata, dict) else None
    plain = isinstance(stack, str) and _STACK.fullmatch(stack) and "__class__" not in stack
    return {"nn_module_stack": stack} if plain else {}


def _container(text: str) -> str:
    """What is wrong with the description of nested inputs or outputs: it may name plain containers with plain keys."""
    try:
        version, tree = json.loads(text)
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            if node["type"] not in _CONTAINERS:
                return f"inputs or outputs in a {str(node['type'])[:80]!r}"
            keys = json.loads(node["context"]) if isinstance(node["context"], str) else node["context"]
            if not (keys is None or (isinstance(keys, list) and all(_is_key(key) for key in keys))):
                return f"inputs or outputs named {str(keys)[:80]!r}"
            waiting += node["children_spec"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        return f"a description of its inputs that cannot be read ({line(error)})"
    return "" if version == 1 else f"a description of its inputs of version {version!r}"


def _is_key(key: Any) -> bool:
    return isinstance(key, int) or (isinstance(key, str) and _PLAIN.fullmatch(key) is not None and is_name(key))


def _ranges(ranges: Any) -> Iterator[str]:
    for name in ranges if isinstance(ranges, dict) else {}:
        symbol = _SYMBOL.fullmatch(name)
        if symbol is None or int(symbol[1]) > MOST_SYMBOLS:
            yield f"the size {name[:80]!r}"
