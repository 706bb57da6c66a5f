"""What each call of Packer's template engine is in HCL: ``{{isotime "2006"}}`` is ``legacy_isotime("2006")``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import attrs

from hclimg.diagnostics import Diagnostics, Range, did_you_mean
from hclimg.lang.syntax import Call, Expr, GetAttr, Index, Literal, Name, Variable
from hclimg.lang.values import Value, number, string, unknown
from hclimg.sdk.interpolate import NOT_ALLOWED_IN_NAMES

GO_BUILT_IN = frozenset(
    "and call eq ge gt html index js le len lt ne not or print printf println slice urlquery".split()  # noqa: SIM905
)
"""The functions of Go's own templates; they stay in the text."""

_CLEANERS = ("clean_resource_name", "clean_ami_name", "clean_image_name")


@attrs.frozen(eq=False)
class EngineCall:
    """One call. ``at`` is where it stands in the user's file, ``name_at`` where its name does."""

    name: str
    args: Sequence[Expr]
    at: Range
    name_at: Range
    diags: Diagnostics

    # -- making expressions ---------------------------------------------------

    def call(self, name: str, *args: Expr) -> Expr:
        source, start, end = self.at.source, self.at.start, self.at.end
        return Call(source, start, end, Name(source, start, end, name), args)

    def traversal(self, root: str, *steps: str) -> Expr:
        """``root.step.step``. All but the last step stands where the name does, so that the last one can be shown."""
        source, start, end = self.at.source, self.at.start, self.at.end
        expr: Expr = Variable(source, start, self.name_at.end, root)
        for count, step in enumerate(steps, 1):
            stop = end if count == len(steps) else self.name_at.end
            if _is_name(step):
                expr = GetAttr(source, start, stop, expr, step)
            else:
                expr = Index(source, start, stop, expr, self.literal(string(step)))
        return expr

    def literal(self, value: Value) -> Expr:
        return Literal(self.at.source, self.at.start, self.at.end, value)

    # -- reading arguments ------------------------------------------------------

    def text(self, position: int) -> str | None:
        """An argument that is a plain string; None after a report when it is not."""
        arg = self.args[position]
        if isinstance(arg, Literal) and isinstance(arg.value.raw, str):
            return arg.value.raw
        self.wrong(f"{self.name} takes a plain text here, not something that is computed.")
        return None

    def wrong(self, detail: str) -> Expr:
        self.diags.error("Invalid template call", detail, subject=self.at)
        return self.literal(unknown())


def _is_name(text: str) -> bool:
    return text.replace("-", "_").isidentifier()


def is_known(call: EngineCall) -> bool:
    """Whether there is such a function; reports when there is not."""
    if call.name in _RULES or call.name in GO_BUILT_IN:
        return True
    detail = f'There is no function "{call.name}".{did_you_mean(call.name, (*_RULES, *GO_BUILT_IN))}'
    call.diags.error("Unknown template function", detail, subject=call.at)
    return False


def lower_call(call: EngineCall) -> Expr | None:
    """The call in HCL; None when it is one that stays in the text, for Go or for the component."""
    if call.name not in _RULES:
        return None
    least, most, lower = _RULES[call.name]
    if not least <= len(call.args) <= most:
        wanted = "1 argument" if most == 1 == least else f"{least} arguments" if least == most else f"{least} or {most}"
        return call.wrong(f"{call.name} takes {wanted}, but it gets {len(call.args)}.")
    return lower(call)


# -- the calls ------------------------------------------------------------------


def _user(call: EngineCall) -> Expr:
    name = call.text(0)
    return call.literal(unknown()) if name is None else call.traversal("var", name)


def _build(call: EngineCall) -> Expr:
    name = call.text(0)
    return call.literal(unknown()) if name is None else call.traversal("build", name)


def _artifact(call: EngineCall) -> Expr:
    address, attribute = call.text(0), call.text(1)
    if address is None or attribute is None:
        return call.literal(unknown())
    return call.traversal("artifact", *address.split("."), attribute)


def _isotime(call: EngineCall) -> Expr:
    return call.call("legacy_isotime", *call.args) if call.args else call.call("timestamp")


def _unix_time(call: EngineCall) -> Expr:
    parsed = call.call("rfc3339_parse", call.call("timestamp"))
    return GetAttr(call.at.source, call.at.start, call.at.end, parsed, "unix")


def _template_dir(call: EngineCall) -> Expr:
    """It is absolute in legacy templates, and ``path.root`` as the user named it."""
    return call.call("abspath", call.traversal("path", "root"))


def _replace_all(call: EngineCall) -> Expr:
    old, new, text = call.args
    return call.call("replace", text, old, new)


def _replace(call: EngineCall) -> Expr | None:
    """All of them, the first one, or none; with another count the call stays in the text unless all is known."""
    old, new, count, text = call.args
    texts = [arg.value.raw for arg in (old, new, text) if isinstance(arg, Literal) and isinstance(arg.value.raw, str)]
    if not isinstance(count, Literal) or not isinstance(count.value.raw, int):
        return None
    if count.value == number(-1):
        return call.call("replace", text, old, new)
    if len(texts) == 3:
        return call.literal(string(texts[2].replace(texts[0], texts[1], count.value.raw)))
    if len(texts) == 2 and count.value == number(1) and not isinstance(text, Literal):
        return _first_replaced(call, text, texts[0], texts[1])
    return None


def _first_replaced(call: EngineCall, text: Expr, old: str, new: str) -> Expr:
    """A pattern that is bound to the start of the text fits once."""
    pattern = f"(?s)^(.*?){re.escape(old)}"
    result = "${1}" + new.replace("$", "$$")
    return call.call("regex_replace", text, call.literal(string(pattern)), call.literal(string(result)))


def _split(call: EngineCall) -> Expr:
    text, separator, position = call.args
    parts = call.call("split", separator, text)
    return Index(call.at.source, call.at.start, call.at.end, parts, position)


def _clean(call: EngineCall) -> Expr:
    pattern, dash = call.literal(string(NOT_ALLOWED_IN_NAMES)), call.literal(string("-"))
    return call.call("regex_replace", call.args[0], pattern, dash)


def _sed(call: EngineCall) -> Expr:
    return call.wrong("sed was removed from Packer; write replace, replace_all, or a provisioner.")


def _same(name: str) -> Callable[[EngineCall], Expr]:
    return lambda call: call.call(name, *call.args)


def _traversal(*steps: str) -> Callable[[EngineCall], Expr]:
    return lambda call: call.traversal(*steps)


_RULES: dict[str, tuple[int, int, Callable[[EngineCall], Expr | None]]] = {
    "artifact": (2, 2, _artifact),
    "aws_secretsmanager": (1, 2, _same("aws_secretsmanager")),
    "aws_secretsmanager_raw": (1, 2, _same("aws_secretsmanager_raw")),
    "build": (1, 1, _build),
    "build_name": (0, 0, _traversal("source", "name")),
    "build_type": (0, 0, _traversal("source", "type")),
    "consul_key": (1, 1, _same("consul_key")),
    "env": (1, 1, _same("env")),
    "isotime": (0, 1, _isotime),
    "lower": (1, 1, _same("lower")),
    "packer_version": (0, 0, _traversal("packer", "version")),
    "pwd": (0, 0, _traversal("path", "cwd")),
    "replace": (4, 4, _replace),
    "replace_all": (3, 3, _replace_all),
    "sed": (0, 9, _sed),
    "split": (3, 3, _split),
    "strftime": (1, 1, _same("legacy_strftime")),
    "template_dir": (0, 0, _template_dir),
    "timestamp": (0, 0, _unix_time),
    "upper": (1, 1, _same("upper")),
    "user": (1, 1, _user),
    "uuid": (0, 0, _same("uuidv4")),
    "vault": (2, 2, _same("vault")),
    **dict.fromkeys(_CLEANERS, (1, 1, _clean)),
}
"""For each function: the least and the most arguments, and what it becomes."""
