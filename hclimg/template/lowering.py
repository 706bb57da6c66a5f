"""The ``{{ }}`` calls of legacy templates as HCL expressions.

What can be known when a template is compiled becomes an expression: ``{{user `region`}}`` is ``var.region``. What only
a component knows (``{{ .Path }}``) stays in the text, for the component to render. Calls inside such a piece that can
be lowered become literals of it: ``{{if eq .OS (user `os`)}}`` is a string that reads ``{{if eq .OS ("linux")}}``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from hclimg.diagnostics import Diagnostics, Range, SourceText
from hclimg.lang.json_syntax import plain_text, value_expr
from hclimg.lang.json_tree import JsonNode, JsonString
from hclimg.lang.syntax import Call, Expr, Literal, Name, Template, TemplateWrap
from hclimg.lang.values import from_python, string, unknown
from hclimg.template.engine_calls import EngineCall, is_known, lower_call

if TYPE_CHECKING:
    from hclimg.lang import gotemplate as go

_SPACE = " \t\r\n"


def lower_value(node: JsonNode, diags: Diagnostics) -> Expr:
    """A JSON value as an expression."""
    return value_expr(node, lambda text: lower_string(text, diags), diags)


def lower_string(node: JsonString, diags: Diagnostics) -> Expr:
    if "{{" not in node.text:
        return plain_text(node)
    whole = Range(node.source, node.start, node.end)
    return _Lowering(node.text, whole, node.places(), diags).run()


def lower_text(source: SourceText, diags: Diagnostics) -> Expr:
    """A text that is a string as a whole, such as a value of ``-var``."""
    whole = source.range(0, len(source.text))
    if "{{" not in source.text:
        return Literal(source, 0, len(source.text), string(source.text))
    return _Lowering(source.text, whole, range(len(source.text) + 1), diags).run()


@attrs.frozen(eq=False)
class _Piece:
    """A part of the text that an expression takes the place of."""

    start: int
    end: int
    expr: Expr


@attrs.define(eq=False)
class _Lowering:
    """One string. ``places`` says for each character where it stands in the file."""

    text: str
    whole: Range
    places: Sequence[int]
    diags: Diagnostics
    pieces: list[_Piece] = attrs.field(factory=list, init=False)

    def run(self) -> Expr:
        from hclimg.lang.gotemplate import GoTemplateError, parse_go_template

        try:
            template = parse_go_template(self.text)
        except GoTemplateError as error:
            at = self._place(error.offset, error.offset + 1)
            self.diags.error("Invalid template string", f"{error.message[:1].upper()}{error.message[1:]}.", subject=at)
            return self._literal(unknown(), self.whole)
        self._items(template.items)
        return self._assembled()

    # -- finding what to replace ----------------------------------------------

    def _items(self, items: Sequence[go.Item]) -> None:
        from hclimg.lang.gotemplate import Action, If, Text

        for item in items:
            if isinstance(item, Text):
                continue
            if isinstance(item, Action):
                self._action(item)
                continue
            self._inside(item.pipeline)
            branches = (item.yes, item.no) if isinstance(item, If) else (item.body, item.otherwise)
            for branch in branches:
                self._items(branch)

    def _action(self, action: go.Action) -> None:
        expr = self._calls(action.pipeline)
        if expr is None:
            self._inside(action.pipeline)
            return
        start, end = action.start, action.end
        if self.text.startswith("{{-", start):
            start = len(self.text[:start].rstrip(_SPACE))
        if self.text.endswith("-}}", start, end):
            end = len(self.text) - len(self.text[end:].lstrip(_SPACE))
        self.pieces.append(_Piece(start, end, expr))

    def _inside(self, pipeline: go.Pipeline) -> None:
        """Make literals of what can be lowered in a pipeline that stays: as many commands as possible, then parts."""
        from hclimg.lang.gotemplate import Function, Paren, Pipeline

        commands = pipeline.commands
        for count in range(len(commands), 0, -1):
            first = Pipeline(commands[0].start, commands[count - 1].end, commands[:count])
            expr = self._calls(first)
            if expr is not None:
                self._encode(first, expr)
                commands = commands[count:]
                break
        for command in commands:
            for position, word in enumerate(command.words):
                if isinstance(word, Paren):
                    self._inside(word.pipeline)
                elif isinstance(word, Function) and position:
                    expr = self._word(word)
                    if expr is not None:
                        self._encode(word, expr)

    def _encode(self, node: go.Node, expr: Expr) -> None:
        at = self._place(node.start, node.end)
        name = Name(at.source, at.start, at.end, "jsonencode")
        self.pieces.append(_Piece(node.start, node.end, Call(at.source, at.start, at.end, name, (expr,))))

    # -- lowering ---------------------------------------------------------------

    def _calls(self, pipeline: go.Pipeline) -> Expr | None:
        """A pipeline that calls something, as an expression; None when it has to stay."""
        from hclimg.lang.gotemplate import Constant

        words = pipeline.commands[0].words
        if len(pipeline.commands) == 1 and len(words) == 1 and isinstance(words[0], Constant):
            # {{`{{`}} is how a text says "{{" and keeps the component from reading it.
            return None
        return self._pipeline(pipeline)

    def _pipeline(self, pipeline: go.Pipeline) -> Expr | None:
        if pipeline.variables:
            return None
        value: Expr | None = None
        for position, command in enumerate(pipeline.commands):
            value = self._command(command, [value] if position else [])
            if value is None:
                return None
        return value

    def _command(self, command: go.Command, last: list[Expr | None]) -> Expr | None:
        from hclimg.lang.gotemplate import Function

        first, rest = command.words[0], command.words[1:]
        if isinstance(first, Function):
            args = [*map(self._word, rest), *last]
            return self._call(first, [arg for arg in args if arg is not None], complete=None not in args)
        return None if rest or last else self._word(first)

    def _word(self, word: go.Word) -> Expr | None:
        from hclimg.lang.gotemplate import Constant, Function, Paren

        if isinstance(word, Constant):
            return self._literal(from_python(word.value), self._place(word.start, word.end))
        if isinstance(word, Paren) and not word.path:
            return self._pipeline(word.pipeline)
        return self._call(word, []) if isinstance(word, Function) else None

    def _call(self, function: go.Function, args: list[Expr], *, complete: bool = True) -> Expr | None:
        name = self._place(function.start, function.end)
        ends = [arg.end for arg in args if arg.start >= name.start]
        at = Range(name.source, name.start, max([name.end, *ends]))
        call = EngineCall(function.name, args, at, name, self.diags)
        return lower_call(call) if is_known(call) and complete else None

    # -- places and parts ---------------------------------------------------------

    def _place(self, start: int, end: int) -> Range:
        last = len(self.places) - 1
        return Range(self.whole.source, self.places[min(start, last)], self.places[min(end, last)])

    def _literal(self, value: object, at: Range) -> Expr:
        return Literal(at.source, at.start, at.end, from_python(value))

    def _assembled(self) -> Expr:
        source, start, end = self.whole.source, self.whole.start, self.whole.end
        parts: list[Expr] = []
        at = 0
        for piece in sorted(self.pieces, key=lambda piece: piece.start):
            self._add_text(parts, at, piece.start)
            parts.append(piece.expr)
            at = max(at, piece.end)
        self._add_text(parts, at, len(self.text))
        if len(parts) == 1:
            return parts[0] if not self.pieces else TemplateWrap(source, start, end, parts[0])
        return Template(source, start, end, tuple(parts))

    def _add_text(self, parts: list[Expr], start: int, end: int) -> None:
        if end > start:
            parts.append(self._literal(string(self.text[start:end]), self._place(start, end)))
