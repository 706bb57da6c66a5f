"""Logarithms and powers with 53 bits, to the last bit as Packer computes them.

The C library rounds these better, but then the last printed digit would be another one than users of Packer see.
"""

from __future__ import annotations

import math

_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_LOG_EVEN = (3.999999999940941908e-01, 2.222219843214978396e-01, 1.531383769920937332e-01)
_LOG_ODD = (6.666666666666735130e-01, 2.857142874366239149e-01, 1.818357216161805012e-01, 1.479819860511658591e-01)
_LN2_UPPER, _LN2_REST = (
    0.69314718055966295651160180568695068359375,
    0.28235290563031577122588448175013436025525412068e-12,
)
_TERMS = [1 / math.factorial(n) for n in range(1, 9)]


def log(value: float) -> float:
    """The natural logarithm; negative infinity for zero, not a number below it."""
    if value == 0:
        return -math.inf
    if value < 0 or math.isnan(value) or math.isinf(value):
        return value if value == math.inf else math.nan
    fraction, exponent = math.frexp(value)
    if fraction < math.sqrt(2) / 2:
        fraction, exponent = fraction * 2, exponent - 1
    f = fraction - 1
    s = f / (2 + f)
    square = s * s
    fourth = square * square
    rest = square * _polynomial(_LOG_ODD, fourth) + fourth * _polynomial(_LOG_EVEN, fourth)
    half = 0.5 * f * f
    return exponent * _LN2_HIGH - ((half - (s * (half + rest) + exponent * _LN2_LOW)) - f)


def _polynomial(coefficients: tuple[float, ...] | list[float], at: float) -> float:
    result = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        result = result * at + coefficient
    return result


def _exp(value: float) -> float:
    """e to a power that is between -0.5 and 0.5 times a logarithm, so there is no overflow."""
    exponent = round(value / math.log(2))
    reduced = (value - exponent * _LN2_UPPER - exponent * _LN2_REST) * 0.0625
    result = reduced * _polynomial(_TERMS, reduced)
    for _ in range(3):
        result *= result + 2
    return math.ldexp(_multiplied_and_added(result, result + 2, 1.0), exponent)


def _multiplied_and_added(a: float, b: float, c: float) -> float:
    """``a * b + c``, rounded once."""
    from fractions import Fraction

    return float(Fraction(a) * Fraction(b) + Fraction(c))


def power(base: float, exponent: float) -> float:
    """A number to a power; infinite when it is too large, not a number for a root of a negative one."""
    if not _is_ordinary(base, exponent):
        return _special_power(base, exponent)
    root, count = math.modf(abs(exponent))
    if root > 0.5:
        root, count = root - 1, count + 1
    result = _exp(root * log(base)) if root else 1.0
    binary, steps = 0, int(count)
    fraction, shift = math.frexp(base)
    while steps:
        if steps & 1:
            result, binary = result * fraction, binary + shift
        fraction, shift = fraction * fraction, shift * 2
        if abs(fraction) < 0.5:
            fraction, shift = fraction * 2, shift - 1
        steps >>= 1
    if exponent < 0:
        result, binary = 1 / result, -binary
    return _scaled(result, binary)


def _is_ordinary(base: float, exponent: float) -> bool:
    if not (math.isfinite(base) and math.isfinite(exponent)) or base in (0, 1, -1) or exponent in (0, 0.5, -0.5):
        return False
    return abs(exponent) < 2**63 and (base > 0 or exponent == int(exponent))


def _special_power(base: float, exponent: float) -> float:
    if abs(exponent) == 0.5 and base > 0:
        return math.sqrt(base) if exponent > 0 else 1 / math.sqrt(base)
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf if base > 0 or exponent % 2 == 0 else -math.inf
    except ValueError:  # zero to a negative power, or a root of a negative number
        return math.inf if base == 0 else math.nan


def _scaled(value: float, exponent: int) -> float:
    try:
        return math.ldexp(value, max(min(exponent, 1 << 20), -(1 << 20)))
    except OverflowError:
        return math.copysign(math.inf, value)
