"""Numbers as HCL users see them: 512-bit binary floating point, printed as the shortest decimal that reads back.

A raw number is an ``int`` when it is whole, a ``Fraction`` when it is not, and a ``float`` only for the infinities
and for negative zero. ``fractions`` is imported on use: most templates hold nothing but whole numbers.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from fractions import Fraction

Number: TypeAlias = "int | Fraction | float"

PRECISION = 512
INFINITY = math.inf
NEGATIVE_ZERO = -0.0

# Numbers beyond 2^±LIMIT overflow to infinity or vanish to zero: a template can then not ask for gigabytes of digits.
LIMIT = 1 << 18

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_DECIMAL = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?", re.ASCII)
_INFINITE = {"Inf": INFINITY, "inf": INFINITY, "+Inf": INFINITY, "+inf": INFINITY, "-Inf": -INFINITY, "-inf": -INFINITY}
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
    """The nearest number with 512 bits, ties to even; whole numbers come back as ``int``."""
    if isinstance(value, int):
        return value if value.bit_length() <= PRECISION else _signed(_ratio(abs(value), 1), value < 0)
    if isinstance(value, float):
        return value if math.isinf(value) or value == 0 else _from_float(value)
    return _signed(_ratio(abs(value.numerator), value.denominator), value < 0)


def _from_float(value: float) -> Number:
    numerator, denominator = value.as_integer_ratio()
    return _signed(_ratio(abs(numerator), denominator), value < 0)


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
    from fractions import Fraction

    fraction = Fraction(mantissa, 1 << -exponent)
    return fraction.numerator if fraction.denominator == 1 else fraction


# -- arithmetic -----------------------------------------------------------------


def is_negative(value: Number) -> bool:
    """Whether the sign is minus; negative zero has one."""
    return value < 0 or (isinstance(value, float) and math.copysign(1.0, value) < 0)


def negate(value: Number) -> Number:
    return NEGATIVE_ZERO if isinstance(value, int) and value == 0 else _tidy(-value)


def _tidy(value: Number) -> Number:
    return 0 if isinstance(value, float) and value == 0 and not is_negative(value) else value


def add(a: Number, b: Number) -> Number | None:
    """The sum; None for ``+Inf + -Inf``."""
    if isinstance(a, float) or isinstance(b, float):
        return _add_special(a, b)
    return rounded(a + b)


def _add_special(a: Number, b: Number) -> Number | None:
    infinite = [n for n in (a, b) if n in (INFINITY, -INFINITY)]
    if len(infinite) == 2 and infinite[0] != infinite[1]:
        return None
    if infinite:
        return infinite[0]
    if a == 0 and b == 0:
        return NEGATIVE_ZERO if is_negative(a) and is_negative(b) else 0
    return b if a == 0 else a


def subtract(a: Number, b: Number) -> Number | None:
    if isinstance(a, int) and isinstance(b, int):
        return rounded(a - b)
    return add(a, negate(b))


def multiply(a: Number, b: Number) -> Number | None:
    """The product; None for ``0 * Inf``."""
    if a == 0 or b == 0:
        if math.inf in (abs(a), abs(b)):
            return None
        return NEGATIVE_ZERO if is_negative(a) != is_negative(b) else 0
    if isinstance(a, float) or isinstance(b, float):
        return -INFINITY if is_negative(a) != is_negative(b) else INFINITY
    return rounded(a * b)


def divide(a: Number, b: Number) -> Number | None:
    """The quotient; None for ``0 / 0`` and ``Inf / Inf``. Division of anything else by zero is infinite."""
    negative = is_negative(a) != is_negative(b)
    if (a == 0 and b == 0) or (abs(a) == math.inf and abs(b) == math.inf):
        return None
    if b == 0 or abs(a) == math.inf:
        return -INFINITY if negative else INFINITY
    if a == 0 or abs(b) == math.inf:
        return NEGATIVE_ZERO if negative else 0
    assert not isinstance(a, float)
    assert not isinstance(b, float)
    return _signed(_ratio(abs(a.numerator) * b.denominator, a.denominator * abs(b.numerator)), negative)


def modulo(a: Number, b: Number) -> Number | None:
    """What is left of ``a``; it has the sign of ``a``. ``a % 0`` is ``a``, as HCL has it."""
    if abs(a) == math.inf:
        return None if abs(b) == math.inf else a
    if b == 0 or isinstance(a, float) or isinstance(b, float):
        return a
    left = abs(a.numerator * b.denominator) % abs(b.numerator * a.denominator)
    return _signed(_ratio(left, a.denominator * b.denominator), is_negative(a))


# -- text -----------------------------------------------------------------------


def text(value: Number) -> str:
    """The shortest decimal that reads back as the same number, never with an exponent."""
    if isinstance(value, int):
        return _integer_text(value)
    if isinstance(value, float):
        return _special_text(value)
    sign = "-" if value < 0 else ""
    whole, fraction = _decimal_digits(abs(value))
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def _special_text(value: float) -> str:
    if value == 0:
        return "-0" if is_negative(value) else "0"
    return "+Inf" if value > 0 else "-Inf"


def _integer_text(value: int) -> str:
    if value.bit_length() <= PRECISION:
        return str(value)
    sign = "-" if value < 0 else ""
    value = abs(value)
    # Beyond 512 bits only the leading digits mean anything; the rest are printed as zeros. All of 155 digits or more
    # read back, so the count of zeros lies between these two.
    digits_at_most = int(value.bit_length() * 0.30103) + 1
    low, high = max(digits_at_most - 160, 0), digits_at_most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _reads_back_rounded(value, 10**middle) else (low, middle - 1)
    return sign + str(_nearest(value, 10**low)) + "0" * low


def _reads_back_rounded(value: int, power: int) -> bool:
    return rounded(_nearest(value, power) * power) == value


def _nearest(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient & 1))


def _decimal_digits(value: Fraction) -> tuple[str, str]:
    """Whole and fractional digits of a positive number that is not whole."""
    low, high = 1, 2
    # The first count of digits that reads back: double, then halve. Reading back is monotonous in the count.
    while not _reads_back(value, high):
        low, high = high, high * 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _reads_back(value, middle) else (middle + 1, high)
    digits = str(_nearest(value.numerator * 10**low, value.denominator)).rjust(low + 1, "0")
    return digits[:-low], digits[-low:].rstrip("0")


def _reads_back(value: Fraction, count: int) -> bool:
    power = 10**count
    return _ratio(_nearest(value.numerator * power, value.denominator), power) == value
