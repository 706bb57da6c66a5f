"""The values of input variables: who says what, which one wins, and whether it fits the declaration.

From weak to strong: the default, ``PKR_VAR_name`` of the environment, ``*.auto.pkrvars.hcl`` beside the template,
``-var-file`` in the given order, ``-var`` in the given order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs

from hclimg.diagnostics import Absence, Diagnostic, Diagnostics, Range, Related, did_you_mean
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.evaluate import Scope, evaluate, references
from hclimg.lang.functions.environment import env_function
from hclimg.lang.functions.model import Function
from hclimg.lang.parts import part_at
from hclimg.lang.syntax import Attribute, Expr
from hclimg.lang.types import ANY, BOOL, NUMBER, STRING, Type
from hclimg.lang.values import SENSITIVE, Value, object_of, unknown
from hclimg.template.inputs import ENVIRONMENT_PREFIX, Given, VariableInputs, blamed, read_inputs
from hclimg.template.model import Template, Validation, VariableBlock
from hclimg.template.ordering import in_order, report_cycle

_SENSITIVE: Final = frozenset((SENSITIVE,))
_NOTHING = Scope()


def resolve_variables(
    template: Template,
    inputs: VariableInputs,
    functions: Mapping[str, Function],
    diags: Diagnostics,
    roots: Mapping[str, Value] | None = None,
) -> dict[str, Value]:
    """The value of every variable; unknown for one that has none, which is reported.

    ``roots`` are the names that defaults in legacy templates may use beside ``var``.
    """
    given = read_inputs(template, inputs, diags)
    found = _Evaluation(given.blocks, given.values, functions, inputs.environment, diags, template.legacy, roots or {})
    values = found.run()
    if not template.legacy:
        found.check_overruled(given.overruled)
    return values


@attrs.frozen(eq=False, repr=False, kw_only=True)
class Call:
    """A block that gives values to inputs: of ``what`` it is (``group "base"``), and in which scope they are."""

    context: str
    what: str
    header: Range
    given: Mapping[str, Attribute]
    scope: Scope


def call_inputs(
    blocks: Mapping[str, VariableBlock],
    call: Call,
    functions: Mapping[str, Function],
    environment: Mapping[str, str],
    diags: Diagnostics,
) -> dict[str, Value]:
    """The value of every input of something that a block calls; unknown for one that is wrong, which is reported."""
    for name, item in call.given.items():
        if name not in blocks:
            listing = f" Its inputs are {', '.join(blocks)}." if blocks else " It has no inputs."
            hint = did_you_mean(name, blocks) or listing
            detail = f'{call.what} has no input called "{name}".{hint}'
            diags.error("Unknown input", detail, subject=item.name.range, context=call.context)
    given = {name: Given(item.expr, call.context) for name, item in call.given.items() if name in blocks}
    return _Evaluation(blocks, given, functions, environment, diags, legacy=False, roots={}, call=call).run()


@attrs.define
class _Evaluation:
    blocks: Mapping[str, VariableBlock]
    given: Mapping[str, Given]
    functions: Mapping[str, Function]
    environment: Mapping[str, str]
    diags: Diagnostics
    legacy: bool
    roots: Mapping[str, Value]
    call: Call | None = None
    values: dict[str, Value] = attrs.field(factory=dict)

    def run(self) -> dict[str, Value]:
        for name in self._order():
            block = self.blocks[name]
            value = self._value(block)
            self.values[name] = value.with_marks(_SENSITIVE) if block.sensitive else value
            self._validate(block)
        return {name: self.values[name] for name in self.blocks}

    def check_overruled(self, overruled: Iterable[tuple[str, Given]]) -> None:
        """Values and defaults that something stronger replaces are of the right type too."""
        for name, given in overruled:
            self._evaluated(self.blocks[name], given.expr, given)
        for name in self.given:
            block = self.blocks[name]
            if block.default is not None:
                self._evaluated(block, block.default, None)

    # -- order ------------------------------------------------------------------

    def _order(self) -> list[str]:
        """Only in legacy templates may variables refer to each other."""
        if not self.legacy:
            return list(self.blocks)
        order, cycles = in_order(self.blocks, self._dependencies)
        for cycle in cycles:
            report_cycle("These variables refer to each other", cycle, _shown, self.diags)
            self.values.update({name: unknown(STRING) for name in cycle.path})
        return order

    def _dependencies(self, name: str) -> Mapping[str, Range]:
        expr = self._expr(self.blocks[name])
        found = references(expr) if expr is not None else []
        steps = ((str(r.steps[0]), r.range) for r in found if r.root == "var" and r.steps)
        return {step: at for step, at in steps if step in self.blocks}

    # -- one variable -------------------------------------------------------------

    def _expr(self, block: VariableBlock) -> Expr | None:
        given = self.given.get(block.name)
        return given.expr if given else block.default

    def _value(self, block: VariableBlock) -> Value:
        expr = self._expr(block)
        if block.name in self.values:
            return self.values[block.name]
        if expr is None:
            self._report_unset(block)
            return unknown(_type(block))
        return self._evaluated(block, expr, self.given.get(block.name))

    def _evaluated(self, block: VariableBlock, expr: Expr, given: Given | None) -> Value:
        """The value of what was given, or of the default; unknown, after a report, when it is wrong."""
        found = Diagnostics()
        value = evaluate(expr, self._scope(given), found)
        self.diags.extend(self._placed(found, block, given))
        if found.has_errors:
            return unknown(_type(block))
        try:
            return self._converted(block, value, given)
        except ConversionError as error:
            self._report_wrong_type(block, expr, given, error)
            return unknown(_type(block))

    def _placed(self, found: Diagnostics, block: VariableBlock, given: Given | None) -> Iterable[Diagnostic]:
        """What is wrong with the expression of a value, with the block that it belongs to."""
        if given is None:
            return self._about_default(found)
        if self.call is None:
            return blamed(found, block, given.origin)
        context = self.call.context
        return (attrs.evolve(item, context=item.context or context) for item in found)

    def _about_default(self, found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
        """A default knows no function but ``env``."""
        for item in found:
            called = item.subject.text if item.subject and item.summary == "Call to unknown function" else ""
            if not self.legacy and called in self.functions:
                detail = f'Only "env" can be called in the default of a variable. Write {called}(…) into a local.'
                item = attrs.evolve(item, summary="Function not allowed here", detail=detail)
            yield item

    def _converted(self, block: VariableBlock, value: Value, given: Given | None) -> Value:
        if block.type is not None:
            return block.type.apply(value)
        if block.default is None or given is None:
            return value
        # Without a type, a variable stays what its default is.
        kind = evaluate(block.default, self._default_scope(), Diagnostics()).type
        return convert(value, kind) if kind in (STRING, NUMBER, BOOL) else value

    def _scope(self, given: Given | None) -> Scope:
        if given is None or self.legacy:
            return self._default_scope()
        return self.call.scope if self.call else _NOTHING

    def _default_scope(self) -> Scope:
        """What a default may name: in legacy templates everything, for there it stands for locals too."""
        env = {"env": env_function(self.environment.get)}
        if not self.legacy:
            return Scope(None, env)
        return Scope(None, env, Scope(None, self.functions)).child({**self.roots, "var": object_of(self.values)})

    def _report_unset(self, block: VariableBlock) -> None:
        name = block.name
        if self.call is not None:
            detail = f'{self.call.what} needs a value for "{name}", which has no default.'
            related = (Related("declared here", block.header),)
            where = {"subject": self.call.header, "context": self.call.context, "related": related}
            self.diags.error("Missing input", detail, **where, absence=Absence.DECLARATION)
            return
        detail = (
            f'The variable "{name}" has no default and no value was given. Give one with -var "{name}=…", '
            f"in a var file, or in the environment variable {ENVIRONMENT_PREFIX}{name}."
        )
        absence = Absence.DECLARATION
        self.diags.error("Unset variable", detail, subject=block.header, context=block.context, absence=absence)

    def _report_wrong_type(
        self, block: VariableBlock, expr: Expr, given: Given | None, error: ConversionError
    ) -> None:
        who = f"The value that {given.origin} gives" if given else "The default"
        detail = f"{who} is not compatible with the type of the {block.kind}: {error}."
        summary = f"Invalid value for {block.kind}" if given else f"Invalid default value for {block.kind}"
        self.diags.error(
            summary,
            detail,
            subject=block.header if block.sensitive else part_at(expr, error.path).range,
            context=block.context,
            related=(Related("declared here", block.header),) if given and not block.sensitive else (),
        )

    # -- validation ---------------------------------------------------------------

    def _validate(self, block: VariableBlock) -> None:
        value = self.values[block.name]
        scope = Scope({block.root: object_of({block.name: value})}, self.functions)
        for rule in block.validations:
            if self._refers_elsewhere(rule.condition, block) or not value.is_wholly_known:
                continue
            before = len(self.diags.errors)
            verdict = evaluate(rule.condition, scope, self.diags)
            if len(self.diags.errors) == before:
                self._judge(verdict, rule, block, scope)

    def _refers_elsewhere(self, condition: Expr, block: VariableBlock) -> bool:
        own = f"{block.root}.{block.name}"
        found = references(condition)
        if not found:
            detail = f"The condition of a validation must refer to {own}, which it is there to judge."
            at = condition.range
            self.diags.error("Invalid variable validation", detail, subject=at, context=block.context)
            return True
        for reference in found:
            if reference.root != block.root or reference.steps[:1] != (block.name,):
                detail = f"The condition of a validation can only refer to {own}, not to {reference}."
                at = reference.range
                self.diags.error("Invalid variable validation", detail, subject=at, context=block.context)
                return True
        return False

    def _judge(self, verdict: Value, rule: Validation, block: VariableBlock, scope: Scope) -> None:
        try:
            met = convert(verdict, BOOL).raw
        except ConversionError:
            met = None
        if met is None:
            detail = "The condition of a validation must be true or false."
            at = rule.condition.range
            self.diags.error("Invalid variable validation", detail, subject=at, context=block.context)
        elif met is False:
            self._report_invalid(rule, block, scope)

    def _report_invalid(self, rule: Validation, block: VariableBlock, scope: Scope) -> None:
        message = evaluate(rule.message, scope, self.diags).raw
        expr = self._expr(block)
        self.diags.error(
            f"Invalid value for {block.kind}",
            message if isinstance(message, str) else "",
            subject=block.header if block.sensitive or expr is None else expr.range,
            context=block.context,
            related=(Related("the rule stands here", rule.condition.range),),
        )


def _type(block: VariableBlock) -> Type:
    return block.type.type if block.type is not None else ANY


def _shown(name: str) -> str:
    return f"var.{name}"
