"""Builds machine images from Packer templates."""

__version__ = "0.1.0"

PACKER_VERSION = "1.16.0"
"""The version of Packer whose templates hclimg understands: ``packer.version``, checked against constraints."""

_FOR_TEMPLATES = frozenset(
    ("Ref build cond data dynamic each env fn group hcl local module output packer path source variable").split()  # noqa: SIM905
)


def __getattr__(name: str) -> object:
    """What templates in Python import; nothing of it is loaded before one does."""
    if name not in _FOR_TEMPLATES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("hclimg.template.dsl"), name)
