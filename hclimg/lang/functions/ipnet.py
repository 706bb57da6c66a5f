"""Functions on IP networks in CIDR notation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from hclimg.lang.functions.arguments import number_parameter, text_parameter, whole
from hclimg.lang.functions.model import ArgumentError, Function, FunctionError
from hclimg.lang.types import STRING, ListType
from hclimg.lang.values import Value, list_of, string

if TYPE_CHECKING:
    from hclimg.lang.functions.catalog import Surroundings

_MOST_NEW_BITS = 32
_MAPPED = 0xFFFF << 32  # IPv4 addresses written as IPv6


@frozen
class _Network:
    """``number`` is the address as a number of ``bits`` bits, of which ``prefix`` name the network."""

    number: int
    prefix: int
    bits: int

    @property
    def host_bits(self) -> int:
        return self.bits - self.prefix

    @property
    def version(self) -> int:
        return 4 if self.bits == 32 else 6

    def __str__(self) -> str:
        if self.bits == 128 and self.prefix >= 96 and self.number >> 32 == _MAPPED >> 32:
            return f"{_address(self.number & 0xFFFFFFFF, 32)}/{self.prefix - 96}"
        return f"{_address(self.number, self.bits)}/{self.prefix}"


def _address(number: int, bits: int) -> str:
    import ipaddress

    if bits == 128 and number >> 32 == _MAPPED >> 32:
        number, bits = number & 0xFFFFFFFF, 32
    return str(ipaddress.IPv4Address(number) if bits == 32 else ipaddress.IPv6Address(number))


def _network(prefix: Value) -> _Network:
    import ipaddress

    address, _, length = prefix.raw.partition("/")
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        ip = None
    if ip is None or "%" in address or not re.fullmatch("[0-9]{1,3}", length) or int(length) > ip.max_prefixlen:
        raise FunctionError(f"invalid CIDR expression: invalid CIDR address: {prefix.raw}")
    bits, size = ip.max_prefixlen, int(length)
    return _Network(int(ip) >> (bits - size) << (bits - size), size, bits)


def cidrhost(prefix: Value, hostnum: Value) -> Value:
    """The address of a host in a network by its number; negative ones count from the end."""
    network = _network(prefix)
    if not isinstance(hostnum.raw, int):
        raise FunctionError("value must be a whole number")
    number, last = hostnum.raw, (1 << network.host_bits) - 1
    from_end = number < 0
    count = -number - 1 if from_end else number
    if count > last:
        raise FunctionError(f"prefix of {network.prefix} does not accommodate a host numbered {number}")
    return string(_address(network.number | (last - count if from_end else count), network.bits))


def cidrnetmask(prefix: Value) -> Value:
    """The mask of a network as an address."""
    network = _network(prefix)
    mask = ((1 << network.prefix) - 1) << network.host_bits
    return string(_address(mask, network.bits))


def cidrsubnet(prefix: Value, newbits: Value, netnum: Value) -> Value:
    """A subnet by how many bits its prefix has more, and its number."""
    network, more = _network(prefix), whole(newbits)
    if more > _MOST_NEW_BITS:
        raise FunctionError(f"may not extend prefix by more than {_MOST_NEW_BITS} bits")
    length = network.prefix + more
    if more < 0 or length > network.bits:
        raise FunctionError(f"insufficient address space to extend prefix of {network.prefix} by {more}")
    if not isinstance(netnum.raw, int):
        raise FunctionError("value must be a whole number")
    # The sign of a number does not count here, as in the library that Packer uses.
    if abs(netnum.raw) >= 1 << more:
        raise FunctionError(f"prefix extension of {more} does not accommodate a subnet numbered {netnum.raw}")
    number = abs(network.number | (netnum.raw << (network.bits - length)))
    return string(str(_Network(number & ((1 << network.bits) - 1), length, network.bits)))


def cidrsubnets(prefix: Value, *newbits: Value) -> Value:
    """Consecutive subnets by how many bits their prefixes have more."""
    network = _network(prefix)
    found: list[Value] = []
    following = network.number
    for position, given in enumerate(newbits, 1):
        subnet = _subnet_from(network, following, _new_length(network, given, position), position)
        following = subnet.number + (1 << subnet.host_bits)
        found.append(string(str(subnet)))
    return list_of(found, STRING)


def _new_length(network: _Network, newbits: Value, position: int) -> int:
    more = whole(newbits, index=position)
    if more < 1:
        raise ArgumentError(position, "must extend prefix by at least one bit")
    if more > _MOST_NEW_BITS:
        raise ArgumentError(position, f"may not extend prefix by more than {_MOST_NEW_BITS} bits")
    length = network.prefix + more
    if length > network.bits:
        why = f"would extend prefix to {length} bits, which is too long for an IPv{network.version} address"
        raise ArgumentError(position, why)
    return length


def _subnet_from(network: _Network, start: int, length: int, position: int) -> _Network:
    """The first subnet with a prefix length that begins at ``start`` or later."""
    size = 1 << (network.bits - length)
    number = -(-start // size) * size
    if number + size > network.number + (1 << network.host_bits):
        before = _address(max(start - 1, network.number), network.bits)
        why = f"not enough remaining address space for a subnet with a prefix of {length} bits after {before}"
        raise ArgumentError(position, why)
    return _Network(number, length, network.bits)


_PREFIX = text_parameter("prefix")

_FUNCTIONS = (
    Function("cidrhost", cidrhost, _PREFIX, number_parameter("hostnum"), result=STRING),
    Function("cidrnetmask", cidrnetmask, _PREFIX, result=STRING),
    Function(
        "cidrsubnet",
        cidrsubnet,
        _PREFIX,
        number_parameter("newbits"),
        number_parameter("netnum"),
        result=STRING,
    ),
    Function("cidrsubnets", cidrsubnets, _PREFIX, variadic=number_parameter("newbits"), result=ListType(STRING)),
)


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    return {function.name: function for function in _FUNCTIONS}
