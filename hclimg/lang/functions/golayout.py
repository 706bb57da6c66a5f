"""Times by Go's layouts, which spell the format as the reference time ``Mon Jan 2 15:04:05 MST 2006``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hclimg.lang.functions.timestamps import offset_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

# Longer elements come first; a "2" or "Jan" that is part of a longer word of letters is not an element in Go either.
_ELEMENT = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|__2|_2(?!006)|0[1-6]|002|15|PM|pm"
    r"|Z07:00:00|Z070000|Z07:00|Z0700|Z07|-07:00:00|-070000|-07:00|-0700|-07|[.,](?:0+|9+)(?![0-9])|[1-5]"
)
_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def month_name(time: datetime) -> str:
    return _MONTHS[time.month - 1]


def day_name(time: datetime) -> str:
    return _DAYS[time.weekday()]


def format_by_layout(time: datetime, layout: str) -> str:
    """The time as a layout spells it; what is no element of a layout stays as it is."""
    return _ELEMENT.sub(lambda match: _element(time, match[0]), layout)


def layout_parts(layout: str) -> Iterator[tuple[str, bool]]:
    """The parts of a layout in their order, and whether each is an element or stays as it is."""
    at = 0
    for match in _ELEMENT.finditer(layout):
        if match.start() > at:
            yield layout[at : match.start()], False
        yield match[0], True
        at = match.end()
    if at < len(layout):
        yield layout[at:], False


def _element(time: datetime, text: str) -> str:
    if text in _PLAIN:
        return _PLAIN[text](time)
    if text[0] in ".,":
        return _fraction(time, text)
    return _offset(time, text)


def _fraction(time: datetime, text: str) -> str:
    digits = f"{time.microsecond:06d}000"[: len(text) - 1].ljust(len(text) - 1, "0")
    if text[1] == "0":
        return text[0] + digits
    digits = digits.rstrip("0")
    return text[0] + digits if digits else ""


def _offset(time: datetime, text: str) -> str:
    full = offset_text(time, ":" if ":" in text else "")
    if text[0] == "Z" and offset_text(time, "") == "+0000":
        return "Z"
    if text in ("-07", "Z07"):
        return full[:3]
    seconds = ":00" if text.endswith(":00:00") else "00" if text.endswith("070000") else ""
    return full + seconds


def _half_day(time: datetime) -> int:
    return (time.hour + 11) % 12 + 1


_PLAIN: dict[str, Callable[[datetime], str]] = {
    "January": month_name,
    "Jan": lambda t: month_name(t)[:3],
    "1": lambda t: str(t.month),
    "01": lambda t: f"{t.month:02d}",
    "Monday": day_name,
    "Mon": lambda t: day_name(t)[:3],
    "2": lambda t: str(t.day),
    "_2": lambda t: f"{t.day:2d}",
    "02": lambda t: f"{t.day:02d}",
    "__2": lambda t: f"{t.timetuple().tm_yday:3d}",
    "002": lambda t: f"{t.timetuple().tm_yday:03d}",
    "15": lambda t: f"{t.hour:02d}",
    "3": lambda t: str(_half_day(t)),
    "03": lambda t: f"{_half_day(t):02d}",
    "4": lambda t: str(t.minute),
    "04": lambda t: f"{t.minute:02d}",
    "5": lambda t: str(t.second),
    "05": lambda t: f"{t.second:02d}",
    "2006": lambda t: f"{t.year:04d}",
    "06": lambda t: f"{t.year % 100:02d}",
    "PM": lambda t: "PM" if t.hour >= 12 else "AM",
    "pm": lambda t: "pm" if t.hour >= 12 else "am",
    "MST": lambda t: t.tzname() or "UTC",
}
