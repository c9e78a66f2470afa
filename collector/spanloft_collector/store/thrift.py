"""Thrift's compact protocol, as far as the footer of a Parquet file uses it: to plain Python values and back.

A struct is ``{field number: (type, value)}`` in the order of its fields, a list ``(type of its elements, values)``;
numbers are int, texts bytes. What comes back is what was read, byte for byte, so fields that nobody here knows survive.
Source: thrift-compact-protocol.md of Apache Thrift.
"""

from __future__ import annotations

import struct
from typing import Any

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, _MAP, STRUCT = range(1, 13)
_STOP = 0

Struct = dict[int, tuple[int, Any]]


class Unreadable(ValueError):
    """The bytes are not what was expected."""


def read_struct(data: bytes) -> Struct:
    """The struct that ``data`` holds.

    Raises:
        Unreadable: the bytes are cut off, or hold a map, which Parquet's footer never does.
    """
    try:
        found, _ = _read(STRUCT, data, 0)
    except (IndexError, struct.error) as error:
        raise Unreadable(f"the struct is cut off: {error}") from None
    return found  # type: ignore[no-any-return]


def write_struct(value: Struct) -> bytes:
    """The bytes of a struct as :func:`read_struct` gives it."""
    out = bytearray()
    _write(STRUCT, value, out)
    return bytes(out)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _number(data: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _read(kind: int, data: bytes, at: int) -> tuple[Any, int]:
    if kind in (I16, I32, I64):
        return _number(data, at)
    if kind == STRUCT:
        return _read_fields(data, at)
    if kind == BINARY:
        size, at = _varint(data, at)
        if at + size > len(data):
            raise IndexError("a text is longer than its struct")
        return data[at : at + size], at + size
    if kind in (LIST, SET):
        head = data[at]
        size, at = _varint(data, at + 1) if head >> 4 == 15 else (head >> 4, at + 1)
        values = []
        for _ in range(size):
            value, at = _read(head & 15, data, at)
            values.append(value)
        return (head & 15, values), at
    if kind == DOUBLE:
        return struct.unpack_from("<d", data, at)[0], at + 8
    if kind in (BYTE, TRUE, FALSE):
        # Of a list: there a flag is a byte, too.
        return data[at], at + 1
    raise Unreadable(f"type {kind} is not expected in a footer")


def _read_fields(data: bytes, at: int) -> tuple[Struct, int]:
    fields: Struct = {}
    number = 0
    while (head := data[at]) != _STOP:
        at += 1
        if head >> 4:
            number += head >> 4
        else:
            number, at = _number(data, at)
        kind = head & 15
        if kind in (TRUE, FALSE):
            fields[number] = (kind, None)
        else:
            value, at = _read(kind, data, at)
            fields[number] = (kind, value)
    return fields, at + 1


def _put_varint(value: int, out: bytearray) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _put_number(value: int, out: bytearray) -> None:
    _put_varint(value << 1 if value >= 0 else (-value << 1) - 1, out)


def _write(kind: int, value: Any, out: bytearray) -> None:
    if kind in (I16, I32, I64):
        _put_number(value, out)
    elif kind == STRUCT:
        _write_fields(value, out)
    elif kind == BINARY:
        _put_varint(len(value), out)
        out += value
    elif kind in (LIST, SET):
        element, values = value
        if len(values) < 15:
            out.append(len(values) << 4 | element)
        else:
            out.append(15 << 4 | element)
            _put_varint(len(values), out)
        for one in values:
            _write(element, one, out)
    elif kind == DOUBLE:
        out += struct.pack("<d", value)
    else:
        out.append(value)


def _write_fields(fields: Struct, out: bytearray) -> None:
    before = 0
    for number, (kind, value) in fields.items():
        if 0 < number - before < 16:
            out.append(number - before << 4 | kind)
        else:
            out.append(kind)
            _put_number(number, out)
        before = number
        if kind not in (TRUE, FALSE):
            _write(kind, value, out)
    out.append(_STOP)
