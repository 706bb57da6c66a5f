"""Declare a setting once: decoding, checking, documentation and completion all read the declaration.

    @config
    class ShellConfig:
        "Runs scripts on the machine."

        inline: tuple[str, ...] = setting("Commands to run, one a line.", default=())
        pause_after: timedelta = setting("How long to wait afterwards.", default=timedelta())
        device: tuple[Device, ...] = block("A volume to attach.", many=True, default=())
        ssh: SshConfig = embed(SshConfig)

        def check(self, problems: Checker) -> None:
            problems.exactly_one("inline", "script", "scripts")

A setting without ``default=``/``factory=`` is required. Embedded settings appear inline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast, dataclass_transform, get_type_hints

import attrs

T = TypeVar("T")
KEY = "hclimg"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Meta:
    """What hangs on each attrs field.

    ``template``: the text is a Go template that the component renders itself (``{{ .Path }}``), so decoding leaves it.
    ``sensitive``: the value is hidden everywhere. ``deprecated``: why, and what to write instead.
    ``ignored``: accepted because Packer templates have it, with the reason why it does nothing here.
    ``choices``: the allowed strings. ``example``: HCL text for the documentation.
    """

    doc: str
    required: bool = False
    embed: bool = False
    nested: bool = False
    many: bool = False
    template: bool = False
    sensitive: bool = False
    aliases: tuple[str, ...] = ()
    deprecated: str = ""
    ignored: str = ""
    choices: tuple[str, ...] = ()
    default_doc: str = ""
    example: str = ""


def setting(
    doc: str,
    *,
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
    **meta: Any,
) -> Any:
    """One argument of a block; ``meta`` takes the fields of :class:`Meta`."""
    info = Meta(doc=doc, required=default is attrs.NOTHING and factory is None, **meta)
    if factory is not None:
        return attrs.field(factory=factory, metadata={KEY: info})
    return attrs.field(default=default, metadata={KEY: info})


def block(doc: str, *, many: bool = False, default: Any = attrs.NOTHING, example: str = "") -> Any:
    """A nested block; ``many`` when it may be repeated (then the type is ``tuple[X, ...]``)."""
    info = Meta(doc=doc, nested=True, many=many, required=default is attrs.NOTHING, example=example)
    return attrs.field(default=default, metadata={KEY: info})


def embed(cls: Callable[..., T]) -> T:
    """Another config class whose settings appear inline (Packer calls this squash)."""
    field: T = attrs.field(factory=cls, metadata={KEY: Meta(doc="", embed=True)})
    return field


class Checker(Protocol):
    """What ``check`` of a config class reports into.

    A problem about a setting whose value is not known yet is not reported. The first name gives the place.
    """

    def is_set(self, name: str) -> bool:
        """Whether the user wrote this setting, with whatever value."""

    def is_known(self, *names: str) -> bool:
        """Whether the values of these settings are known already."""

    def error(self, summary: str, detail: str, *names: str) -> None: ...
    def warn(self, summary: str, detail: str, *names: str) -> None: ...
    def exactly_one(self, *names: str) -> None: ...
    def at_most_one(self, *names: str) -> None: ...
    def file_exists(self, name: str, path: str) -> None:
        """Report when the setting names a file of the host that is not there."""


def without_effect(cls: type[T], reason: str) -> type[T]:
    """A config class with the settings of another, which are accepted and do nothing, for this reason."""

    def quiet(field: attrs.Attribute[Any]) -> Any:
        meta = attrs.evolve(field.metadata[KEY], ignored=reason, required=False, choices=(), deprecated="")
        return attrs.field(default=field.default, metadata={KEY: meta})

    fields = {field.name: quiet(field) for field in attrs.fields(cast("Any", cls))}
    made = attrs.make_class(cls.__name__, fields, kw_only=True, frozen=True, eq=False, repr=False, order=False)
    made.__annotations__ = get_type_hints(cls)
    return made


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(setting, block, embed))
def config(cls: type[T]) -> type[T]:
    # Only what is used is generated: start-up pays for each generated method of each class.
    return attrs.frozen(kw_only=True, eq=False, repr=False, order=False)(cls)
