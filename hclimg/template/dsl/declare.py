"""The functions that declare blocks, and what they return: handles that later blocks refer to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Self, get_args, get_origin

from hclimg.diagnostics import did_you_mean
from hclimg.lang.syntax import Call, Expr, Literal, Name, Variable
from hclimg.lang.unparse import is_identifier
from hclimg.lang.values import string
from hclimg.template.dsl.places import DslError, Place, here
from hclimg.template.dsl.record import BlockDraft, Dynamic, current
from hclimg.template.dsl.values import Ref, Root, expr_of, parsed

_Rule = tuple[Callable[[Ref], Any], Any]
"""A condition, which gets the value, and the message for when it is not met."""

_UNSET: Final[Any] = object()
_TYPES: Final[dict[Any, str]] = {str: "string", int: "number", float: "number", bool: "bool", Any: "any", object: "any"}
_COLLECTIONS: Final[dict[Any, str]] = {list: "list", set: "set", dict: "map", tuple: "list"}
FACTS: Final = {
    name.lower(): name
    for name in (
        "ID", "Host", "Port", "User", "Password", "ConnType", "PackerRunUUID", "PackerHTTPPort", "PackerHTTPIP",
        "PackerHTTPAddr", "SSHPublicKey", "SSHPrivateKey", "WinRMPassword",
    )
}  # fmt: skip
"""What builds tell of their machines, as Python would spell it: ``web.ssh_public_key``."""


def _reference(at: Place, root: str, *steps: str) -> Ref:
    found = Ref(Variable(at.source, at.start, at.end, root))
    for step in steps:
        found = getattr(found, step) if is_identifier(step) else found[step]
    return found


def _is_given(value: Any) -> bool:
    return isinstance(value, Ref) or bool(value)


# -- variables and locals -----------------------------------------------------------------


def variable(
    name: str,
    *,
    type: Any = _UNSET,  # noqa: A002 - what HCL calls it
    default: Any = _UNSET,
    description: Any = "",
    sensitive: bool = False,
    validation: Iterable[_Rule] = (),
) -> Ref:
    """An input variable. ``type`` is a Python type, or a text like ``"map(number)"``.

    ``validation`` has pairs of a condition, which gets the value, and the message for when it is not met.
    """
    at = here()
    given = {"type": type, "default": default, "description": description, "sensitive": sensitive}
    return _input(current().add("variable", (name,), at), "var", given, validation)


def _input(draft: BlockDraft, root: str, given: Mapping[str, Any], rules: Iterable[_Rule]) -> Ref:
    """Fill the block of a variable or of a group's input."""
    at = draft.place
    for name, value in given.items():
        if value is _UNSET or (name not in ("type", "default") and not _is_given(value)):
            continue
        if name == "type":
            draft.expression("type", _type_expr(value, at.keyword("type")), at.keyword("type"))
        else:
            draft.argument(name, value, at.keyword(name))
    found = _reference(at, root, draft.labels[0])
    for condition, message in rules:
        rule = draft.block("validation", (), at.keyword("validation"))
        rule.argument("condition", condition(found), rule.place)
        rule.argument("error_message", message, rule.place)
    return found


def _type_expr(kind: Any, at: Place) -> Expr:
    """``list[str]`` as ``list(string)``; a text is read as HCL."""
    source, start, end = at.source, at.start, at.end
    if isinstance(kind, str):
        return parsed(kind, at)
    if kind in _TYPES:
        return Variable(source, start, end, _TYPES[kind])
    outer = get_origin(kind) or kind
    if outer not in _COLLECTIONS:
        raise DslError(f"{kind!r} is no type of a variable. Write str, int, bool, list[str], dict[str, int] or a text.")
    inner = get_args(kind)[-1] if get_args(kind) else Any
    name = Name(source, start, end, _COLLECTIONS[outer])
    return Call(source, start, end, name, (_type_expr(inner, at),))


class _Local(Root):
    """``local("name", value)`` declares, ``local.name`` refers."""

    def __call__(self, name: str, value: Any, *, sensitive: bool = False) -> Ref:
        at = here()
        block = current().add("local", (name,), at)
        block.argument("expression", value, at.argument(1) if len(at.arguments) > 1 else at.keyword("value"))
        if sensitive:
            block.argument("sensitive", True, at.keyword("sensitive"))
        return _reference(at, "local", name)


local = _Local("local")


# -- components ---------------------------------------------------------------------------


class _Kinds:
    """``source.amazon_ebs("name", …)``: an attribute for each type, with underscores for dashes."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        type_ = name.rstrip("_").replace("_", "-")
        return lambda *args, **settings: self._make(type_, *args, **settings)

    def __call__(self, type_: str, *args: Any, **settings: Any) -> Any:
        return self._make(type_, *args, **settings)


class Source:
    """A declared source. Its settings are its attributes, so that others can use the same values."""

    def __init__(self, type_: str, name: str, settings: Mapping[str, Any], place: Place) -> None:
        self.type, self.name = type_, name
        self._settings, self._place = settings, place

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._settings:
            return self._settings[name]
        hint = did_you_mean(name, self._settings)
        raise AttributeError(f'The source "{self.type}" "{self.name}" has no setting "{name}".{hint}')

    @property
    def artifact(self) -> Ref:
        """What is built from it: ``base.artifact.path``."""
        return _reference(here(), "artifact", self.type, self.name)

    @property
    def address(self) -> str:
        return f"{self.type}.{self.name}"

    def __expression__(self, at: Place) -> Expr:
        """As ``only`` and ``except`` call it."""
        return Literal(at.source, at.start, at.end, string(self.address))


def _source(type_: str, name: str, /, **settings: Any) -> Source:
    at = here()
    current().add("source", (type_, name), at).arguments(settings, at)
    return Source(type_, name, settings, at)


def _data(type_: str, name: str, /, **settings: Any) -> Ref:
    at = here()
    current().add("data", (type_, name), at).arguments(settings, at)
    return _reference(at, "data", type_, name)


def dynamic(for_each: Any, content: Callable[[Ref], Mapping[str, Any]], *, iterator: str = "") -> Dynamic:
    """In the place of a block: as many as there will be elements of what is known only later.

    ``tag=dynamic(local.tags, lambda tag: {"key": tag.key, "value": tag.value})``; of what Python knows, write a list.
    """
    return Dynamic(for_each, content, iterator)


source = _Kinds(_source)
data = _Kinds(_data)


class _Steps:
    """Something that steps can be added to. With ``with``, the block shows what belongs together."""

    def __init__(self, draft: BlockDraft) -> None:
        self._draft = draft

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """The block ends; nothing is to be undone."""

    @property
    def post_processor(self) -> _Kinds:
        return self._kinds("post-processor")

    def _kinds(self, keyword: str) -> _Kinds:
        def make(type_: str, /, **settings: Any) -> None:
            at = here()
            self._draft.block(keyword, (type_,), at).arguments(settings, at)

        return _Kinds(make)


class Group(_Steps):
    """Steps that several builds use."""

    @property
    def provisioner(self) -> _Kinds:
        return self._kinds("provisioner")

    def post_processors(self) -> _Steps:
        """Post-processors that work on each other's artifacts."""
        return _Steps(self._draft.block("post-processors", (), here()))

    def dynamic(
        self,
        keyword: str,
        for_each: Any,
        content: Callable[[Ref], Mapping[str, Any]],
        *,
        labels: Any = (),
        iterator: str = "",
    ) -> None:
        """Steps, or sources of a build, one for each element: ``web.dynamic("provisioner", names, step)``."""
        self._draft.dynamic(keyword, Dynamic(for_each, content, iterator), here(), labels)

    def use(self, name: str, /, **inputs: Any) -> None:
        """The steps of a group."""
        at = here()
        self._draft.block("use", (name,), at).arguments(inputs, at)

    def input(
        self,
        name: str,
        *,
        type: Any = _UNSET,  # noqa: A002 - what HCL calls it
        default: Any = _UNSET,
        description: Any = "",
        sensitive: bool = False,
        validation: Iterable[_Rule] = (),
    ) -> Ref:
        """A value that whoever uses the group gives; like a variable otherwise."""
        given = {"type": type, "default": default, "description": description, "sensitive": sensitive}
        return _input(self._draft.block("input", (name,), here()), "input", given, validation)


class Build(Group):
    """A build. What its machine tells are its attributes: ``web.id``, ``web.host``."""

    def __init__(self, draft: BlockDraft, name: Any) -> None:
        super().__init__(draft)
        self._name = name

    def artifact(self, of: Source) -> Ref:
        """What this build makes of a source."""
        steps = (of.type, of.name) if self._name is None else (str(self._name), of.type, of.name)
        return _reference(here(), "artifact", *steps)

    @property
    def error_cleanup(self) -> _Kinds:
        return self._kinds("error-cleanup-provisioner")

    def source(self, of: Source | str, /, **settings: Any) -> None:
        """A source under another name, or with further settings."""
        at = here()
        self._draft.block("source", (_source_address(of),), at).arguments(settings, at)

    def __getattr__(self, name: str) -> Ref:
        if name.startswith("__"):
            raise AttributeError(name)
        return _reference(here(), "build", FACTS.get(name.replace("_", ""), name))


def build(
    name: Any = None, *, sources: Iterable[Source | str | Ref] = (), description: Any = "", **settings: Any
) -> Build:
    """A build of some sources."""
    at = here()
    draft = current().add("build", (), at)
    if name is not None:
        draft.argument("name", name, at.argument(0) if at.arguments else at.keyword("name"))
    if _is_given(description):
        draft.argument("description", description, at.keyword("description"))
    listed = [item if isinstance(item, Ref) else _source_address(item) for item in sources]
    if listed:
        draft.argument("sources", listed, at.keyword("sources"))
    draft.arguments(settings, at)
    return Build(draft, name)


def _source_address(of: Source | str) -> str:
    return f"source.{of.address}" if isinstance(of, Source) else of


# -- the rest -----------------------------------------------------------------------------


def output(name: str, value: Any, *, description: Any = "", sensitive: bool = False) -> None:
    """What ``hclimg output`` shows after a run."""
    at = here()
    block = current().add("output", (name,), at)
    block.argument("value", value, at.argument(1) if len(at.arguments) > 1 else at.keyword("value"))
    if _is_given(description):
        block.argument("description", description, at.keyword("description"))
    if sensitive:
        block.argument("sensitive", True, at.keyword("sensitive"))


def group(name: str) -> Group:
    """Steps for several builds; they are used with ``build.use(name)``."""
    return Group(current().add("group", (name,), here()))


def module(name: str, /, *, source: str, **inputs: Any) -> Ref:
    """A template in another directory, with values for its variables; what it outputs are attributes."""
    at = here()
    block = current().add("module", (name,), at)
    block.argument("source", source, at.keyword("source"))
    block.arguments(inputs, at)
    return _reference(at, "module", name)


def packer(*, required_version: str = "", required_plugins: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """The version of Packer, and the plugins, that the template is for."""
    at = here()
    block = current().add("packer", (), at)
    if required_version:
        block.argument("required_version", required_version, at.keyword("required_version"))
    if required_plugins:
        plugins = block.block("required_plugins", (), at.keyword("required_plugins"))
        for name, wanted in required_plugins.items():
            plugins.expression(name, expr_of(wanted, plugins.place), plugins.place)
