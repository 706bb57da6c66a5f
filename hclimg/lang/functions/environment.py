"""``env``, which only the defaults of variables may call; so it is not among the standard functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.lang.functions.arguments import text_parameter
from hclimg.lang.functions.model import Function
from hclimg.lang.types import STRING
from hclimg.lang.values import Value, string

if TYPE_CHECKING:
    from collections.abc import Mapping


def env_function(environment: Mapping[str, str]) -> Function:
    """``env(name)`` for an environment: the variable's value, or an empty string."""

    def env(name: Value) -> Value:
        """The value of an environment variable; an empty string when it is not set."""
        return string(environment.get(name.raw, ""))

    return Function("env", env, text_parameter("key"), result=STRING)
