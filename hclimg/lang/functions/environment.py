"""``env``, which only the defaults of variables may call; so it is not among the standard functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.lang.functions.arguments import text_parameter
from hclimg.lang.functions.model import Function, FunctionError
from hclimg.lang.types import STRING
from hclimg.lang.values import Value, string

if TYPE_CHECKING:
    from collections.abc import Callable


def env_function(look_up: Callable[[str], str | None]) -> Function:
    """``env("NAME")`` for an environment."""

    def env(name: Value) -> Value:
        """The value of an environment variable, empty when it is not set; only in the default of a variable."""
        return string(look_up(name.raw) or "")

    return Function("env", env, text_parameter("name"), result=STRING)


def no_env_function() -> Function:
    """What ``env`` is outside of variables."""

    def env(_name: Value) -> Value:
        raise FunctionError("it can only be used in the default of a variable; declare one, and refer to it here")

    return Function("env", env, text_parameter("name"), result=STRING)
