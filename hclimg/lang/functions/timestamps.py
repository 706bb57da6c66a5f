"""RFC 3339 timestamps, with an error that says which part is wrong."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from hclimg.lang.functions.model import FunctionError
from hclimg.lang.show import quoted

_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_OFFSET = re.compile(r"([+-])([0-9]{2}):([0-9]{2})", re.ASCII)
_FRACTION = re.compile(r"[.,][0-9]+", re.ASCII)


class TimestampError(FunctionError):
    """The text is not a timestamp."""

    def __init__(self, why: str) -> None:
        super().__init__(f"not a valid RFC3339 timestamp: {why}")


class _Reader:
    """Takes a timestamp apart from left to right."""

    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def rest(self) -> str:
        return self.text[self.at :]

    def number(self, what: str, width: int, lowest: int, highest: int) -> int:
        rest = self.rest
        if not rest:
            raise TimestampError(f"end of string before {what}")
        digits = _DIGITS.match(rest)
        found = digits[0] if digits else ""
        if len(found) < width:
            if what in ("hour", "minute") and found:
                raise TimestampError(f"{what} must have exactly two digits")
            raise TimestampError(f"cannot use {quoted(rest)} as {what}")
        self.at += width
        value = int(found[:width])
        if lowest <= value <= highest:
            return value
        if what == "month":
            raise TimestampError(f"cannot use {quoted(self.rest)} as month")
        if what == "day":
            raise TimestampError("day out of range")
        raise TimestampError(f"{what} must be between {lowest} and {highest} inclusive")

    def separator(self, text: str) -> None:
        if self.rest.startswith(text):
            self.at += len(text)
            return
        if text == "T":
            raise TimestampError("missing required time introducer 'T'")
        if not self.rest:
            raise TimestampError(f"end of string where {quoted(text)} is expected")
        raise TimestampError(f"found {quoted(self.rest)} where {quoted(text)} is expected")

    def fraction(self) -> None:
        match = _FRACTION.match(self.rest)
        self.at += len(match[0]) if match else 0

    def offset(self) -> timedelta:
        rest = self.rest
        if not rest:
            raise TimestampError("end of string before UTC offset")
        if rest == "Z":
            return timedelta()
        match = _OFFSET.fullmatch(rest)
        if match is None or int(match[2]) > 23 or int(match[3]) > 59:
            raise TimestampError(f"cannot use {quoted(rest)} as UTC offset")
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return -offset if match[1] == "-" else offset


def parse_timestamp(text: str) -> datetime:
    """The time that a timestamp means; raises TimestampError. Fractions of a second do not count."""
    reader = _Reader(text)
    year = reader.number("year", 4, 1, 9999)
    reader.separator("-")
    month = reader.number("month", 2, 1, 12)
    reader.separator("-")
    day = reader.number("day", 2, 1, 31)
    reader.separator("T")
    hour = reader.number("hour", 2, 0, 23)
    reader.separator(":")
    minute = reader.number("minute", 2, 0, 59)
    reader.separator(":")
    second = reader.number("second", 2, 0, 59)
    reader.fraction()
    offset = reader.offset()
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset))
    except ValueError:
        raise TimestampError("day out of range") from None


def timestamp_text(time: datetime) -> str:
    """The time as a timestamp, with ``Z`` for UTC."""
    offset = offset_text(time, ":")
    return f"{time:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + ("Z" if offset == "+00:00" else offset)


def offset_text(time: datetime, separator: str) -> str:
    minutes = round((time.utcoffset() or timedelta()).total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{separator}{abs(minutes) % 60:02d}"
