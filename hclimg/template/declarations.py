"""The blocks that declare variables, locals and outputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hclimg.diagnostics import Diagnostics, Range
from hclimg.lang.syntax import Attribute, Block, Expr, Literal, Name
from hclimg.lang.typeexpr import parse_type
from hclimg.lang.types import BOOL, STRING
from hclimg.lang.unevaluated import static_expr
from hclimg.lang.values import unknown
from hclimg.template.blocks import check_name, constant, duplicate, labels, redefined, split
from hclimg.template.model import LocalBlock, OutputBlock, Validation, VariableBlock

_VARIABLE_ARGUMENTS = ("type", "default", "description", "sensitive")


def variable_block(block: Block, diags: Diagnostics, *, root: str = "var") -> VariableBlock | None:
    """``variable "NAME" { … }``, or ``input "NAME" { … }`` in a group."""
    names = labels(block, ("name",), diags)
    if names is None:
        return None
    context = f'{block.type.text} "{names[0]}"'
    check_name(block.labels[0], diags, context=context)
    parts = split(block.body, context, diags, arguments=_VARIABLE_ARGUMENTS, blocks={"validation": ()})
    type_, description = parts.arguments.get("type"), parts.expr("description")
    found = [_validation(inner, context, diags) for inner in parts.blocks]
    default, before = parts.expr("default"), len(diags)
    type_expr = None if type_ is None else static_expr(type_, diags)
    constraint = None if type_expr is None else parse_type(type_expr, diags)
    if len(diags) > before or is_unreadable(type_expr) or not block.body.whole:
        constraint, default = None, unknown_at(block.header)  # without its type, nobody knows what the value is
    return VariableBlock(
        name=names[0],
        header=block.header,
        type=constraint,
        default=default,
        description=(constant(description, STRING, context, diags) or "").strip() if description else "",
        sensitive=_flag(parts.expr("sensitive"), context, diags),
        validations=tuple(item for item in found if item),
        root=root,
    )


def variables_block(block: Block, diags: Diagnostics) -> list[VariableBlock]:
    """``variables { NAME = DEFAULT … }``."""
    if labels(block, (), diags) is None:
        return []
    return [VariableBlock(name=name, header=at, default=expr) for name, at, expr in values(block, diags)]


def values(block: Block, diags: Diagnostics) -> Iterator[tuple[str, Range, Expr]]:
    """The arguments of ``variables`` or ``locals``. One that was written as a block is reported, and declared too."""
    first: dict[str, Name] = {}
    for item in block.body.items:
        if isinstance(item, Attribute):
            if first.setdefault(item.name.text, item.name) is item.name:
                yield item.name.text, item.name.range, item.expr
            else:
                redefined(first[item.name.text].range, item.name, block.type.text, diags)
            continue
        name = item.type.text
        detail = f'"{name}" is set like an argument: {name} = {{ … }}, with an equals sign.'
        diags.error("Unsupported block type", detail, subject=item.header, context=block.type.text)
        yield name, item.type.range, unknown_at(item.header)


def local_block(block: Block, diags: Diagnostics) -> LocalBlock | None:
    """``local "NAME" { expression = … }``."""
    names = labels(block, ("name",), diags)
    if names is None:
        return None
    context = f'local "{names[0]}"'
    check_name(block.labels[0], diags, context=context)
    parts = split(block.body, context, diags, arguments=("expression", "sensitive"))
    expr = parts.expr("expression")
    sensitive = _flag(parts.expr("sensitive"), context, diags)
    if expr is None:
        _missing("expression", block, context, diags)
        expr = unknown_at(block.header)
    return LocalBlock(names[0], block.header, expr, sensitive)


def is_unreadable(expr: Expr | None) -> bool:
    """Whether an expression stands for one that could not be read, which has been reported."""
    return isinstance(expr, Literal) and not expr.value.is_known


def unknown_at(place: Range) -> Literal:
    """Stands for a value that is missing, which has been reported: what refers to it is not wrong as well."""
    return Literal(place.source, place.end, place.end, unknown())


def declare_locals(found: Iterable[LocalBlock], known: dict[str, LocalBlock], diags: Diagnostics) -> None:
    for declared in found:
        first = known.setdefault(declared.name, declared)
        if first is not declared:
            duplicate(f'The local "{declared.name}"', declared.header, first.header, diags)


def output_block(block: Block, diags: Diagnostics) -> OutputBlock | None:
    """``output "NAME" { value = … }``."""
    names = labels(block, ("name",), diags)
    if names is None or not check_name(block.labels[0], diags):
        return None
    context = f'output "{names[0]}"'
    before = len(diags)
    parts = split(block.body, context, diags, arguments=("value", "description", "sensitive"))
    value, description = parts.expr("value"), parts.expr("description")
    if value is None:
        if len(diags) == before and block.body.whole:  # otherwise it is misspelt, most likely
            _missing("value", block, context, diags)
        value = unknown_at(block.header)
    return OutputBlock(
        name=names[0],
        header=block.header,
        value=value,
        description=(constant(description, STRING, context, diags) or "").strip() if description else "",
        sensitive=_flag(parts.expr("sensitive"), context, diags),
    )


def _validation(block: Block, context: str, diags: Diagnostics) -> Validation | None:
    if labels(block, (), diags) is None:
        return None
    parts = split(block.body, context, diags, arguments=("condition", "error_message"))
    condition, message = parts.expr("condition"), parts.expr("error_message")
    if condition is None or message is None:
        _missing("condition" if condition is None else "error_message", block, context, diags)
        return None
    _check_message(message, context, diags)
    return Validation(condition, message, block.header)


def _check_message(message: Expr, context: str, diags: Diagnostics) -> None:
    """Users read the message after ours, so it has to be sentences."""
    if not isinstance(message, Literal) or not isinstance(message.value.raw, str):
        return
    text = message.value.raw.strip()
    if text and text[0].upper() == text[0] and text.endswith((".", "?", "!")):
        return
    detail = "The error message must be whole sentences: begin with a capital letter and end with a full stop."
    diags.error("Invalid validation error message", detail, subject=message.range, context=context)


def _flag(expr: Expr | None, context: str, diags: Diagnostics) -> bool:
    return False if expr is None else bool(constant(expr, BOOL, context, diags))


def _missing(name: str, block: Block, context: str, diags: Diagnostics) -> None:
    if not block.body.whole:
        return
    detail = f'The argument "{name}" is required, but was not given.'
    diags.error("Missing required argument", detail, subject=block.header, context=context)
