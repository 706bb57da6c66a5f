"""The functions of the template language."""

from __future__ import annotations

from hclimg.lang.functions.catalog import standard_functions as standard_functions
from hclimg.lang.functions.model import ArgumentError as ArgumentError
from hclimg.lang.functions.model import Function as Function
from hclimg.lang.functions.model import FunctionError as FunctionError
