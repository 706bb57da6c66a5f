"""Numbers as HCL users see them: 512-bit binary floating point, printed as the shortest decimal that reads back.

A raw number is an ``int`` when it is whole and a ``Fraction`` when it is not. A ``float`` stands for what those cannot
say: the infinities, negative zero, and results of functions that compute with 53 bits (``pow``, ``log``), which print
with as few digits as that. ``fractions`` is imported on use: most templates hold nothing but whole numbers.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from fractions import Fraction

Rational: TypeAlias = "int | Fraction"
Number: TypeAlias = "int | Fraction | float"

PRECISION = 512
INFINITY = math.inf
NEGATIVE_ZERO = -0.0

# Numbers beyond 2^±LIMIT overflow to infinity or vanish to zero: a template can then not ask for gigabytes of digits.
LIMIT = 1 << 18
MOST_DIGITS = 78_000

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_DECIMAL = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?", re.ASCII)
_INFINITE = {"Inf": INFINITY, "inf": INFINITY, "+Inf": INFINITY, "+inf": INFINITY, "-Inf": -INFINITY, "-inf": -INFINITY}
_EXACT_DOUBLE = 1 << 53
_FEW_DIGITS = 150  # this many decimal digits fit 512 bits for certain


def parse(text: str) -> Number | None:
    """The number that a decimal text means, or None when it is not one."""
    if len(text) <= _FEW_DIGITS and _INTEGER.fullmatch(text):
        value = int(text)
        return NEGATIVE_ZERO if value == 0 and text[0] == "-" else value
    match = _DECIMAL.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        return _INFINITE.get(text)
    return _from_parts(match[1] == "-", match[2] + (match[3] or ""), len(match[3] or ""), match[4] or "0")


def is_out_of_range(value: Number, text: str) -> bool:
    """Whether a text means a number that is too large or too small to be held, and was read as infinite or zero."""
    if value == 0:
        return bool(text.lower().partition("e")[0].strip("+-.0"))
    return _is_infinite(value) and text not in _INFINITE


def _from_parts(negative: bool, digits: str, scale: int, exponent_text: str) -> Number:
    digits = digits.lstrip("0")
    if not digits:
        return NEGATIVE_ZERO if negative else 0
    # Digits far beyond the precision only decide a tie, which one digit can do as well.
    keep = 1000
    dropped = max(0, len(digits) - keep)
    mantissa = int(digits[:keep] + "1") if dropped and digits[keep:].strip("0") else int(digits[:keep]) * 10
    # An exponent text can be as long as the user likes.
    exponent = int(exponent_text[:12]) - scale + dropped - 1
    magnitude = exponent + len(digits) - dropped
    if magnitude > LIMIT // 3:
        return -INFINITY if negative else INFINITY
    if magnitude < -LIMIT // 3:
        return NEGATIVE_ZERO if negative else 0
    return _signed(_ratio(mantissa * 10 ** max(exponent, 0), 10 ** max(-exponent, 0)), negative)


def _signed(value: Number, negative: bool) -> Number:
    return negate(value) if negative else value


def rounded(value: Number) -> Number:
    """The nearest number with 512 bits, ties to even; whole numbers come back as ``int``.

    A float means the decimal that it prints as: 0.1 is a tenth.
    """
    if isinstance(value, int):
        return value if value.bit_length() <= PRECISION else _signed(_ratio(abs(value), 1), value < 0)
    if isinstance(value, float):
        return value if is_special(value) else parse(repr(value)) or 0
    return _signed(_ratio(abs(value.numerator), value.denominator), value < 0)


def from_double(value: float) -> Number:
    """A number of 53 bits, as functions compute that use the processor's floating point."""
    return int(value) if abs(value) < _EXACT_DOUBLE and value == int(value) and not is_special(value) else value


def is_special(value: float) -> bool:
    """Whether a float is an infinity or negative zero."""
    return math.isinf(value) or (value == 0 and math.copysign(1.0, value) < 0)


def exact(value: Number) -> Rational:
    """The number as what it is exactly; special ones are not allowed, but for negative zero."""
    if not isinstance(value, float):
        return value
    numerator, denominator = value.as_integer_ratio()
    return numerator if denominator == 1 else _fraction(numerator, denominator)


def _fraction(numerator: int, denominator: int) -> Fraction:
    from fractions import Fraction

    return Fraction(numerator, denominator)


def _ratio(numerator: int, denominator: int) -> Number:
    """``numerator / denominator`` (not negative) rounded to 512 bits."""
    if numerator % denominator == 0:
        whole = numerator // denominator
        if whole.bit_length() <= PRECISION:
            return whole
    shift = PRECISION - (numerator.bit_length() - denominator.bit_length())
    mantissa, shift = _divide(numerator, denominator, shift)
    if mantissa.bit_length() > PRECISION:
        mantissa, shift = _divide(numerator, denominator, shift - 1)
    return _scaled(mantissa, -shift)


def _divide(numerator: int, denominator: int, shift: int) -> tuple[int, int]:
    """``numerator * 2**shift / denominator``, rounded half to even."""
    top, bottom = (numerator << shift, denominator) if shift >= 0 else (numerator, denominator << -shift)
    quotient, rest = divmod(top, bottom)
    if 2 * rest > bottom or (2 * rest == bottom and quotient & 1):
        quotient += 1
    return quotient, shift


def _scaled(mantissa: int, exponent: int) -> Number:
    if exponent >= 0:
        return mantissa << exponent if exponent <= LIMIT else INFINITY
    if exponent < -LIMIT:
        return 0
    fraction = _fraction(mantissa, 1 << -exponent)
    return fraction.numerator if fraction.denominator == 1 else fraction


# -- arithmetic -----------------------------------------------------------------


def is_negative(value: Number) -> bool:
    """Whether the sign is minus; negative zero has one."""
    return value < 0 or (isinstance(value, float) and math.copysign(1.0, value) < 0)


def negate(value: Number) -> Number:
    if value == 0:
        return 0 if isinstance(value, float) else NEGATIVE_ZERO
    return -value


def add(a: Number, b: Number) -> Number | None:
    """The sum; None for ``+Inf + -Inf``."""
    if isinstance(a, int) and isinstance(b, int):
        return rounded(a + b)
    if _is_infinite(a) or _is_infinite(b):
        total = float(a if _is_infinite(a) else 0) + float(b if _is_infinite(b) else 0)
        return None if math.isnan(total) else total
    if a == 0 and b == 0:
        return NEGATIVE_ZERO if is_negative(a) and is_negative(b) else 0
    if isinstance(a, float) and isinstance(b, float):
        return from_double(a + b)
    return rounded(exact(a) + exact(b))


def subtract(a: Number, b: Number) -> Number | None:
    if isinstance(a, int) and isinstance(b, int):
        return rounded(a - b)
    return add(a, negate(b))


def multiply(a: Number, b: Number) -> Number | None:
    """The product; None for ``0 * Inf``."""
    negative = is_negative(a) != is_negative(b)
    if a == 0 or b == 0:
        return None if _is_infinite(a) or _is_infinite(b) else _zero(negative)
    if _is_infinite(a) or _is_infinite(b):
        return _infinity(negative)
    if isinstance(a, float) and isinstance(b, float):
        return from_double(a * b)
    return rounded(exact(a) * exact(b))


def divide(a: Number, b: Number) -> Number | None:
    """The quotient; None for ``0 / 0`` and ``Inf / Inf``. Division of anything else by zero is infinite."""
    negative = is_negative(a) != is_negative(b)
    if (a == 0 and b == 0) or (_is_infinite(a) and _is_infinite(b)):
        return None
    if b == 0 or _is_infinite(a):
        return _infinity(negative)
    if a == 0 or _is_infinite(b):
        return _zero(negative)
    if isinstance(a, float) and isinstance(b, float):
        return from_double(a / b)
    top, bottom = exact(a), exact(b)
    quotient = _ratio(abs(top.numerator) * bottom.denominator, top.denominator * abs(bottom.numerator))
    return _signed(quotient, negative)


def modulo(a: Number, b: Number) -> Number | None:
    """What is left of ``a``; it has the sign of ``a``. ``a % 0`` is ``a``, as HCL has it."""
    if _is_infinite(a):
        return None if _is_infinite(b) else a
    if b == 0 or _is_infinite(b):
        return a
    top, bottom = exact(a), exact(b)
    left = abs(top.numerator * bottom.denominator) % abs(bottom.numerator * top.denominator)
    return _signed(_ratio(left, top.denominator * bottom.denominator), is_negative(a))


def _is_infinite(value: Number) -> bool:
    return isinstance(value, float) and math.isinf(value)


def _infinity(negative: bool) -> Number:
    return -INFINITY if negative else INFINITY


def _zero(negative: bool) -> Number:
    return NEGATIVE_ZERO if negative else 0


def same(a: Number, b: Number) -> bool:
    """Whether two numbers are equal, which they are when they print the same."""
    if a == b:
        return True
    return (isinstance(a, float) or isinstance(b, float)) and text(a) == text(b)


# -- text -----------------------------------------------------------------------


def text(value: Number) -> str:
    """The shortest decimal that reads back as the same number, never with an exponent."""
    if isinstance(value, int) and value.bit_length() <= PRECISION:
        return str(value)
    if isinstance(value, float) and is_special(value):
        return "-0" if value == 0 else "+Inf" if value > 0 else "-Inf"
    digits, exponent = shortest(value)
    return ("-" if is_negative(value) else "") + fixed(digits, exponent)


def fixed(digits: str, exponent: int) -> str:
    """``0.digits * 10**exponent`` without an exponent."""
    if exponent <= 0:
        return "0." + "0" * -exponent + digits if digits else "0"
    if len(digits) <= exponent:
        return digits + "0" * (exponent - len(digits))
    return f"{digits[:exponent]}.{digits[exponent:]}"


def shortest(value: Number) -> tuple[str, int]:
    """The fewest digits that read back as the same number: ``0.digits * 10**exponent``, without the sign."""
    precision = 53 if isinstance(value, float) else PRECISION
    number = _absolute(exact(value))
    if number == 0:
        return "", 0
    if number.denominator == 1 and number.numerator.bit_length() <= precision:
        return _trimmed(str(number.numerator), len(str(number.numerator)))
    size = _decimal_exponent(number)
    low, high = 1, precision * 3 // 10 + 3  # so many digits are always enough
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _reads_back(number, middle, size, precision) else (middle + 1, high)
    digits, exponent = significant(number, low, size)
    return _trimmed(digits, exponent)


def _absolute(value: Rational) -> Rational:
    return -value if value < 0 else value


def text_of_digits(value: int) -> str:
    """A whole number, however long; Python refuses to print more than some thousand digits at once."""
    if value.bit_length() <= 8192:
        return str(value)
    half = int(value.bit_length() * 0.1505)
    high, low = divmod(value, _power(half))
    return text_of_digits(high) + text_of_digits(low).rjust(half, "0")


def _trimmed(digits: str, exponent: int) -> tuple[str, int]:
    return digits.rstrip("0"), exponent


def significant(value: Rational, count: int, size: int | None = None) -> tuple[str, int]:
    """A positive number rounded to ``count`` digits, ties to even: ``0.digits * 10**exponent``."""
    size = _decimal_exponent(value) if size is None else size
    number = rounded_at(value, count - size)
    digits = str(number)
    # Rounding up 9.99 makes one digit more.
    return (digits, size) if len(digits) == count else (digits[:count], size + 1)


def rounded_at(value: Rational, places: int) -> int:
    """``value * 10**places`` as the nearest whole number, ties to even."""
    top, bottom = value.numerator, value.denominator
    return _nearest(top * _power(places), bottom) if places >= 0 else _nearest(top, bottom * _power(-places))


def _power(exponent: int) -> int:
    result: int = 10**exponent
    return result


def _nearest(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient & 1))


def _decimal_exponent(value: Rational) -> int:
    """The power of ten just above a positive number: 3 for 123.4, -1 for 0.0123."""
    top, bottom = value.numerator, value.denominator
    guess = int((top.bit_length() - bottom.bit_length()) * 0.3010299956639812)
    while _at_least(top, bottom, guess):
        guess += 1
    while not _at_least(top, bottom, guess - 1):
        guess -= 1
    return guess


def _at_least(top: int, bottom: int, power: int) -> bool:
    """Whether ``top / bottom >= 10**power``."""
    return top >= bottom * _power(power) if power >= 0 else top * _power(-power) >= bottom


def _reads_back(value: Rational, count: int, size: int, precision: int) -> bool:
    """Whether ``count`` digits come within half a unit of the last bit."""
    shift = count - size
    number = rounded_at(value, shift)
    top, bottom = (number, _power(shift)) if shift >= 0 else (number * _power(-shift), 1)
    difference = abs(top * value.denominator - value.numerator * bottom)
    # The unit: 2**(bits of the integer part - precision), as the binary exponent of the value tells it.
    exponent = _binary_exponent(value) - precision
    unit_top, unit_bottom = (1 << exponent, 1) if exponent >= 0 else (1, 1 << -exponent)
    distance, half_unit = 2 * difference * unit_bottom, unit_top * bottom * value.denominator
    # Halfway between two numbers, the one with the even mantissa is read.
    return distance <= half_unit if _is_even(value, exponent) else distance < half_unit


def _is_even(value: Rational, exponent: int) -> bool:
    """Whether the last bit of the mantissa, worth ``2**exponent``, is zero."""
    shifted = value.numerator >> exponent if exponent >= 0 else (value.numerator << -exponent) // value.denominator
    return shifted & 1 == 0


def _binary_exponent(value: Rational) -> int:
    """The power of two just above a positive number."""
    guess = value.numerator.bit_length() - value.denominator.bit_length()
    top, bottom = value.numerator, value.denominator
    above = top >= bottom << guess if guess >= 0 else top << -guess >= bottom
    return guess + above
