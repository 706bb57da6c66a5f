"""Functions on times. "Now" is the start of the run, the same for all of a template."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from hclimg.lang.functions.arguments import number_parameter, text_parameter
from hclimg.lang.functions.golayout import day_name, format_by_layout, month_name
from hclimg.lang.functions.model import ArgumentError, Function, FunctionError
from hclimg.lang.functions.timestamps import TimestampError, offset_text, parse_timestamp, timestamp_text
from hclimg.lang.show import quoted
from hclimg.lang.types import NUMBER, STRING, ObjectType
from hclimg.lang.values import Value, number, object_of, string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hclimg.lang.functions.catalog import Surroundings

_RFC3339 = "2006-01-02T15:04:05Z07:00"


def _time(text: Value, position: int) -> dt.datetime:
    try:
        return parse_timestamp(text.raw)
    except TimestampError as error:
        raise ArgumentError(position, error.message) from None


# -- formatdate -----------------------------------------------------------------


def formatdate(layout: Value, time: Value) -> Value:
    """A timestamp in another format, such as ``DD MMM YYYY hh:mm``."""
    moment = _time(time, 1)
    return string("".join(_formatted(piece, moment) for piece in _pieces(layout.raw)))


def _pieces(layout: str) -> Iterator[str]:
    """Quoted literals with their quotes, runs of one letter, and single other characters."""
    at = 0
    while at < len(layout):
        letter = layout[at]
        end = at + 1
        if letter == "'":
            end = _quote_end(layout, at)
        elif letter.isascii() and letter.isalpha():
            while end < len(layout) and layout[end] == letter:
                end += 1
        yield layout[at:end]
        at = end


def _quote_end(layout: str, start: int) -> int:
    at = start + 1
    while at < len(layout):
        if layout.startswith("''", at):
            at += 2
        elif layout[at] == "'":
            return at + 1
        else:
            at += 1
    raise ArgumentError(0, "unterminated literal '")


def _formatted(piece: str, time: dt.datetime) -> str:
    if piece == "''":
        return "'"
    if piece[0] == "'":
        return piece[1:-1].replace("''", "'")
    if not (piece[0].isascii() and piece[0].isalpha()):
        return piece
    verb = _VERBS.get(piece)
    if verb is None:
        rule = _RULES.get(piece[0])
        name = quoted(piece if rule else piece[0])
        raise ArgumentError(0, f"invalid date format verb {name}" + (f": {rule}" if rule else ""))
    return verb(time)


def _half_day(time: dt.datetime) -> int:
    return (time.hour + 11) % 12 + 1


def _zone(time: dt.datetime, plain: str, separator: str) -> str:
    text = offset_text(time, separator)
    return plain if plain and offset_text(time, "") == "+0000" else text


_VERBS: dict[str, Callable[[dt.datetime], str]] = {
    "YY": lambda t: f"{t.year % 100:02d}",
    "YYYY": lambda t: f"{t.year:04d}",
    "M": lambda t: str(t.month),
    "MM": lambda t: f"{t.month:02d}",
    "MMM": lambda t: month_name(t)[:3],
    "MMMM": month_name,
    "D": lambda t: str(t.day),
    "DD": lambda t: f"{t.day:02d}",
    "EEE": lambda t: day_name(t)[:3],
    "EEEE": day_name,
    "h": lambda t: str(t.hour),
    "hh": lambda t: f"{t.hour:02d}",
    "H": lambda t: str(_half_day(t)),
    "HH": lambda t: f"{_half_day(t):02d}",
    "AA": lambda t: "PM" if t.hour >= 12 else "AM",
    "aa": lambda t: "pm" if t.hour >= 12 else "am",
    "m": lambda t: str(t.minute),
    "mm": lambda t: f"{t.minute:02d}",
    "s": lambda t: str(t.second),
    "ss": lambda t: f"{t.second:02d}",
    "Z": lambda t: _zone(t, "Z", ":"),
    "ZZZ": lambda t: _zone(t, "UTC", ""),
    "ZZZZ": lambda t: _zone(t, "", ""),
    "ZZZZZ": lambda t: _zone(t, "", ":"),
}
_RULES = {
    "Y": 'year must either be "YY" or "YYYY"',
    "M": 'month must be "M", "MM", "MMM", or "MMMM"',
    "D": 'day of month must either be "D" or "DD"',
    "E": 'day of week must either be "EEE" or "EEEE"',
    "h": '24-hour must either be "h" or "hh"',
    "H": '12-hour must either be "H" or "HH"',
    "A": 'must be "AA"',
    "a": 'must be "aa"',
    "m": 'minute must either be "m" or "mm"',
    "s": 'second must either be "s" or "ss"',
    "Z": "timezone must be Z, ZZZZ, or ZZZZZ",
}


# -- timeadd --------------------------------------------------------------------

_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"([0-9]*)(\.[0-9]*)?([^0-9.]*)", re.ASCII)


def timeadd(timestamp: Value, duration: Value) -> Value:
    """A timestamp moved by a duration such as ``1h30m`` or ``-24h``."""
    moment = _time(timestamp, 0)
    try:
        return string(timestamp_text(moment + dt.timedelta(microseconds=_nanoseconds(duration.raw) // 1000)))
    except OverflowError:
        raise ArgumentError(1, "the resulting time is out of range") from None


def timecmp(first: Value, second: Value) -> Value:
    """Compares two timestamps: -1 when the first is earlier, 1 when it is later, 0 when they are the same moment."""
    a, b = _time(first, 0), _time(second, 1)
    return number((a > b) - (a < b))


def _nanoseconds(text: str) -> int:
    """How long a duration is, as Go spells durations."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    if not rest:
        raise FunctionError(f"time: invalid duration {quoted(text)}")
    total = 0
    while rest:
        match = _PART.match(rest)
        assert match is not None
        total += _part(match, text)
        rest = rest[match.end() :]
    if total >= 2**63:
        raise FunctionError(f"time: invalid duration {quoted(text)}")
    return -total if text[0] == "-" else total


def _part(match: re.Match[str], text: str) -> int:
    whole, fraction, unit = match[1], (match[2] or "")[1:], match[3]
    if not (whole or fraction):
        raise FunctionError(f"time: invalid duration {quoted(text)}")
    if not unit:
        raise FunctionError(f"time: missing unit in duration {quoted(text)}")
    if unit not in _UNITS:
        raise FunctionError(f"time: unknown unit {quoted(unit)} in duration {quoted(text)}")
    size = _UNITS[unit]
    part: int = int(fraction[:20] or "0") * size // 10 ** len(fraction[:20])
    return int(whole[:30] or "0") * size + part


# -- parts of times -------------------------------------------------------------


def _parts(time: dt.datetime) -> dict[str, Value]:
    year, week, _ = time.isocalendar()
    counted = {
        "year": time.year,
        "year_day": time.timetuple().tm_yday,
        "day": time.day,
        "month": time.month,
        "weekday": (time.weekday() + 1) % 7,
        "hour": time.hour,
        "minute": time.minute,
        "second": time.second,
        "iso_year": year,
        "iso_week": week,
    }
    named = {"month_name": string(month_name(time)), "weekday_name": string(day_name(time))}
    return {name: number(value) for name, value in counted.items()} | named


_NUMBERS = ("year", "year_day", "day", "month", "weekday", "hour", "minute", "second", "iso_year", "iso_week")
_PARTS = dict.fromkeys(_NUMBERS, NUMBER) | dict.fromkeys(("month_name", "weekday_name"), STRING)


def rfc3339_parse(timestamp: Value) -> Value:
    """The parts of a timestamp: year, month, day, hour, weekday and so on."""
    time = _time(timestamp, 0)
    return object_of(_parts(time) | {"unix": number(int(time.timestamp()))})


def unix_timestamp_parse(seconds: Value) -> Value:
    """The parts of the time so many seconds after the beginning of 1970."""
    if not isinstance(seconds.raw, int):
        raise ArgumentError(0, "value must be a whole number of seconds")
    try:
        time = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds.raw)
    except OverflowError:
        raise ArgumentError(0, "the time is out of range") from None
    return object_of(_parts(time) | {"rfc3339": string(timestamp_text(time))})


# -- the time of the run --------------------------------------------------------

_STRFTIME = re.compile(r"%([A-Za-z%])")
_STRFTIME_KNOWN = set("AaBbCcDdeFHIjklMmnpRrSTtUuVvWwXxYyZz%")
_STRFTIME_OWN = {"v": "%e-%b-%Y", "c": "%v %X", "h": "%b"}


class _Now:
    """The functions that tell the time of the run."""

    __slots__ = ("time",)

    def __init__(self, surroundings: Surroundings) -> None:
        self.time = surroundings.timestamp.astimezone(dt.UTC)

    def timestamp(self) -> Value:
        """The time of the run in UTC."""
        return string(timestamp_text(self.time))

    def plantimestamp(self) -> Value:
        """The time of the run in UTC; the same as timestamp()."""
        return self.timestamp()

    def legacy_isotime(self, *layouts: Value) -> Value:
        """The time of the run in UTC, by one of Go's layouts such as ``2006-01-02``."""
        return string(format_by_layout(self.time, _only(layouts) or _RFC3339))

    def legacy_strftime(self, *formats: Value) -> Value:
        """The time of the run in UTC, by a format such as ``%Y-%m-%d``."""
        layout = _only(formats)
        if layout is None:
            return self.timestamp()
        return string(_STRFTIME.sub(self._element, layout))

    def _element(self, match: re.Match[str]) -> str:
        if match[1] not in _STRFTIME_KNOWN and match[1] not in _STRFTIME_OWN:
            raise ArgumentError(0, f"unknown time format specification '{match[1]}'")
        layout = _STRFTIME_OWN.get(match[1])
        return _STRFTIME.sub(self._element, layout) if layout else self.time.strftime(match[0])


def _only(values: tuple[Value, ...]) -> str | None:
    if len(values) > 1:
        raise FunctionError(f"too many values, 1 needed: {', '.join(quoted(v.raw) for v in values)}")
    text: str | None = values[0].raw if values else None
    return text


_TIMESTAMP = text_parameter("timestamp")

_FUNCTIONS = (
    Function("formatdate", formatdate, text_parameter("format"), text_parameter("time"), result=STRING),
    Function("rfc3339_parse", rfc3339_parse, _TIMESTAMP, result=ObjectType(_PARTS | {"unix": NUMBER})),
    Function("timeadd", timeadd, _TIMESTAMP, text_parameter("duration"), result=STRING),
    Function("timecmp", timecmp, text_parameter("timestamp_a"), text_parameter("timestamp_b"), result=NUMBER),
    Function(
        "unix_timestamp_parse",
        unix_timestamp_parse,
        number_parameter("unix_timestamp"),
        result=ObjectType(_PARTS | {"rfc3339": STRING}),
    ),
)


def functions(surroundings: Surroundings) -> dict[str, Function]:
    now = _Now(surroundings)
    of_the_run = (
        Function("plantimestamp", now.plantimestamp, result=STRING),
        Function("timestamp", now.timestamp, result=STRING),
        Function("legacy_isotime", now.legacy_isotime, variadic=text_parameter("format"), result=STRING),
        Function("legacy_strftime", now.legacy_strftime, variadic=text_parameter("format"), result=STRING),
    )
    return {function.name: function for function in (*_FUNCTIONS, *of_the_run)}
