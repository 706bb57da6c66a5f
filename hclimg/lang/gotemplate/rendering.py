"""Renders Go templates over plain data: mappings, sequences, texts, numbers, bools, None."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hclimg.diagnostics import did_you_mean
from hclimg.lang.gotemplate import nodes
from hclimg.lang.gotemplate.builtins import BUILTINS, is_true, show
from hclimg.lang.gotemplate.nodes import Command, GoTemplate, GoTemplateError, Item, Pipeline, Word

MISSING_ARGUMENT = object()


class Renderer:
    """One rendering: the dot, the variables, and what was printed so far."""

    def __init__(
        self, data: Mapping[str, object], functions: Mapping[str, Callable[..., Any]], keep_missing: bool
    ) -> None:
        self.functions = functions
        self.keep_missing = keep_missing
        self.dot: Any = data
        self.variables: list[tuple[str, Any]] = [("", data)]
        self.printed: list[str] = []

    def render(self, template: GoTemplate) -> str:
        try:
            self.items(template.items)
        except RecursionError:
            raise GoTemplateError("the template is nested too deeply") from None
        return "".join(self.printed)

    # -- actions ------------------------------------------------------------------

    def items(self, items: Sequence[Item]) -> None:
        """Print; variables that are declared on the way are forgotten at the end."""
        depth = len(self.variables)
        for item in items:
            self.item(item)
        del self.variables[depth:]

    def item(self, item: Item) -> None:
        match item:
            case nodes.Text():
                self.printed.append(item.text)
            case nodes.Action():
                value = self.pipeline(item.pipeline)
                if not item.pipeline.variables:
                    self.printed.append(show(value))
            case nodes.Range():
                self.range(item)
            case nodes.If() | nodes.With():
                self.branch(item)

    def branch(self, item: nodes.If | nodes.With) -> None:
        depth, dot = len(self.variables), self.dot
        value = self.pipeline(item.pipeline)
        if isinstance(item, nodes.If):
            self.items(item.yes if is_true(value) else item.no)
        elif is_true(value):
            self.dot = value
            self.items(item.body)
        else:
            self.items(item.otherwise)
        self.dot = dot
        del self.variables[depth:]

    def range(self, item: nodes.Range) -> None:
        depth, dot = len(self.variables), self.dot
        value = self.pipeline(item.pipeline, bind=False)
        pairs = list(elements(value, item.pipeline))
        for key, element in pairs:
            names = item.pipeline.variables
            bound = (key, element) if len(names) == 2 else (element,)
            self.variables.extend(zip(names, bound, strict=False))
            self.dot = element
            self.items(item.body)
            del self.variables[depth:]
        self.dot = dot
        if not pairs:
            self.items(item.otherwise)

    # -- pipelines ------------------------------------------------------------------

    def pipeline(self, pipeline: Pipeline, *, bind: bool = True) -> Any:
        value = MISSING_ARGUMENT
        for command in pipeline.commands:
            value = self.command(command, value)
        if bind:
            for name in pipeline.variables:
                self.set_variable(name, value, pipeline)
        return value

    def set_variable(self, name: str, value: object, pipeline: Pipeline) -> None:
        if pipeline.declares:
            self.variables.append((name, value))
            return
        for i in range(len(self.variables) - 1, -1, -1):
            if self.variables[i][0] == name:
                self.variables[i] = (name, value)
                return
        raise GoTemplateError(f'there is no variable "${name}" to set', pipeline.start)

    def command(self, command: Command, piped: object) -> Any:
        first, *rest = command.words
        if isinstance(first, nodes.Function):
            return self.call(first, rest, piped)
        if rest or piped is not MISSING_ARGUMENT:
            at = rest[0].start if rest else first.start
            raise GoTemplateError("only a function can be given arguments", at)
        return self.word(first)

    def call(self, function: nodes.Function, words: Sequence[Word], piped: object) -> Any:
        if function.name in ("and", "or"):
            return self.junction(function, words, piped)
        found = self.functions.get(function.name) or BUILTINS.get(function.name)
        if found is None:
            guess = did_you_mean(function.name, [*self.functions, *BUILTINS])
            raise GoTemplateError(f'there is no function "{function.name}".{guess}', function.start)
        arguments = [self.word(word) for word in words]
        if piped is not MISSING_ARGUMENT:
            arguments.append(piped)
        try:
            return found(*arguments)
        except GoTemplateError as error:
            raise GoTemplateError(f"{function.name}: {error.message}", function.start) from error
        except (TypeError, ValueError) as error:  # functions meet whatever the template gives them
            message = f"{function.name}: it cannot take {len(arguments)} arguments of this kind ({error})"
            raise GoTemplateError(message, function.start) from error

    def junction(self, function: nodes.Function, words: Sequence[Word], piped: object) -> Any:
        """``and`` and ``or`` give the value that decides, and look no further."""
        if not words and piped is MISSING_ARGUMENT:
            raise GoTemplateError(f"{function.name}: an argument is missing", function.start)
        value: Any = None
        for word in words:
            value = self.word(word)
            if is_true(value) == (function.name == "or"):
                return value
        return value if piped is MISSING_ARGUMENT else piped

    # -- words ------------------------------------------------------------------------

    def word(self, word: Word) -> Any:
        match word:
            case nodes.Constant():
                return word.value
            case nodes.Dot():
                return self.dot
            case nodes.Field():
                return self.walk(self.dot, word.path, word)
            case nodes.Variable():
                return self.walk(self.variable(word), word.path, word)
            case nodes.Paren():
                return self.walk(self.pipeline(word.pipeline), word.path, word)
            case nodes.Function():
                return self.call(word, (), MISSING_ARGUMENT)

    def variable(self, word: nodes.Variable) -> Any:
        for name, value in reversed(self.variables):
            if name == word.name:
                return value
        guess = did_you_mean(word.name, [name for name, _ in self.variables if name])
        raise GoTemplateError(f'there is no variable "${word.name}".{guess}', word.start)

    def walk(self, value: Any, path: Sequence[str], word: Word) -> Any:
        """Go down a chain of fields."""
        for i, name in enumerate(path):
            where = "." + ".".join(path[:i]) if i else "the data"
            if isinstance(value, Mapping) and name in value:
                value = value[name]
            elif self.keep_missing:
                return None
            elif isinstance(value, Mapping):
                known = ", ".join(f".{key}" for key in value) or "nothing"
                guess = did_you_mean(name, [str(key) for key in value])
                raise GoTemplateError(f'{where} has no field "{name}"; it has {known}.{guess}', word.start)
            else:
                raise GoTemplateError(f'{where} is {show(value)!r} and has no field "{name}"', word.start)
        return value


def elements(value: Any, pipeline: Pipeline) -> Iterator[tuple[Any, Any]]:
    """What ``range`` goes through: index and element, or key and value in the order of the keys."""
    if value is None:
        return
    if isinstance(value, Mapping):
        yield from ((key, value[key]) for key in sorted(value))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        yield from enumerate(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from ((i, i) for i in range(value))
    else:
        raise GoTemplateError(f"range cannot go through {show(value)!r}", pipeline.start)
