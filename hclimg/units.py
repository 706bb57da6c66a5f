"""Value types that templates write as strings: durations ("1h5m"), sizes ("40G"), secrets."""

from __future__ import annotations

import re
from datetime import timedelta

_DURATION_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_DAYS = re.compile(r"(?:([0-9]{1,4})w)?(?:([0-9]{1,5})d)?")
_LONGEST = (2**63 - 1) / 1e9
"""Seconds; Go counts nanoseconds in 64 bits."""
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kKmMgGtT]?)(?:i?[bB])?")
_MOST_DIGITS = 30
_SIZE_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def duration(text: str) -> timedelta:
    """Read a duration as Go writes it: ``"300ms"``, ``"1h5m"``, ``"-1.5s"``, ``"0"``.

    Raises ValueError with a sentence for the user.
    """
    body = text[1:] if text[:1] in ("-", "+") else text
    sign = -1.0 if text[:1] == "-" else 1.0
    if body == "0":
        return timedelta()
    parts = _DURATION_PART.findall(body)
    if not parts or "".join(number + unit for number, unit in parts) != body:
        raise ValueError(f'"{text}" is not a duration; write a number with a unit, such as "30s" or "1h5m"')
    seconds = sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts)
    if seconds > _LONGEST:
        raise ValueError(f'"{text}" is too long; a duration is 292 years at most')
    return timedelta(seconds=sign * seconds)


def age(text: str) -> timedelta:
    """A duration that may count in days and weeks too: ``"30d"``, ``"1d12h"``, ``"2w"``. Raises ValueError."""
    found = _DAYS.match(text)
    assert found is not None
    weeks, days = (float(number or 0) for number in found.groups())
    rest = text[found.end() :]
    if rest or not found.end():
        return timedelta(weeks=weeks, days=days) + _not_negative(rest, text)
    return timedelta(weeks=weeks, days=days)


def _not_negative(rest: str, text: str) -> timedelta:
    try:
        value = duration(rest)
    except ValueError:
        value = timedelta(-1)
    if value < timedelta():
        raise ValueError(f'"{text}" is not a duration; write a number with a unit, such as "90m", "2h" or "30d"')
    return value


def show_duration(value: timedelta) -> str:
    """The duration as a person would write it: ``1h5m``, ``2.5s``, ``300ms``."""
    seconds = value.total_seconds()
    if seconds < 0:
        return "-" + show_duration(-value)
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    rest = round(rest, 3)
    parts = [f"{hours:.0f}h" if hours else "", f"{minutes:.0f}m" if minutes else "", f"{rest:g}s" if rest else ""]
    return "".join(parts) or "0s"


def size(text: str, *, default_unit: str = "") -> int:
    """Read a size in bytes: ``"40G"``, ``"512M"``; a bare number counts in ``default_unit``.

    Raises ValueError with a sentence for the user.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'"{text}" is not a size; write a number with a unit, such as "512M" or "40G"')
    number, unit = found.groups()
    if len(number) > _MOST_DIGITS:
        raise ValueError(f'"{text[:40]}…" is not a size; it has too many digits')
    return round(float(number) * _SIZE_UNITS[(unit or default_unit).lower()])


def show_size(count: float) -> str:
    """Bytes as a person reads them: ``337.2 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


class Secret(str):
    """A string that shows itself only when asked with :meth:`reveal`.

    It is no plain ``str`` to a formatter: ``str()``, ``repr()`` and ``format()`` all give ``<sensitive>``.
    """

    __slots__ = ()

    def reveal(self) -> str:
        """The text itself."""
        return str.__str__(self)

    def __str__(self) -> str:
        return "<sensitive>"

    def __repr__(self) -> str:
        return "<sensitive>"

    def __format__(self, spec: str) -> str:
        return format("<sensitive>", spec)
