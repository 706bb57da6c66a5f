"""How large things may become that an expression makes. Within these bounds every evaluation ends, in bounded memory.

A template is small, but what it says need not be: a string that is used twice in a string that is used twice, and so
on, soon fills any memory.
"""

from __future__ import annotations

LARGEST_TEXT = 256 << 20
"""Characters of a string."""

TOO_LONG = f"the result would be longer than {LARGEST_TEXT >> 20} Mi characters"
