"""Bodies on the wire: content encodings with a limit on what comes out, and OTLP/JSON to protobuf messages."""

from __future__ import annotations

import base64
import io
import zlib
from typing import Any

import orjson
import zstandard
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from spanloft_collector.errors import BadRequest

_HEX_ID_KEYS = frozenset({"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"})


# Below protobuf's own limit of 100, or what is taken as JSON could not be read from the journal.
_MAX_DEPTH = 90


class BodyTooLarge(BadRequest):
    """The body exceeds the limit, before or after decompression."""


class UnknownEncoding(BadRequest):
    """The Content-Encoding is not supported."""


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo ``Content-Encoding``; never holds more than ``limit`` bytes of output.

    Raises:
        UnknownEncoding: other than gzip, deflate, zstd, identity.
        BodyTooLarge: the output would exceed ``limit``.
        BadRequest: the body is damaged.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name == "gzip":
        return _inflate(body, limit, zlib.MAX_WBITS | 16, name)
    if name == "deflate":
        return _inflate(body, limit, zlib.MAX_WBITS, name)
    if name == "zstd":
        return _unzstd(body, limit)
    raise UnknownEncoding(f"unsupported Content-Encoding {encoding!r}; supported: gzip, zstd, deflate, identity")


def _inflate(body: bytes, limit: int, window_bits: int, name: str) -> bytes:
    output = io.BytesIO()
    data = body
    try:
        while data:
            # gzip allows several members in a row.
            decoder = zlib.decompressobj(window_bits)
            output.write(decoder.decompress(data, limit + 1 - output.tell()))
            if output.tell() > limit:
                raise BodyTooLarge(f"the body is larger than {limit} bytes after decompression")
            if not decoder.eof:
                raise BadRequest(f"{name}: the body ends too early")
            data = decoder.unused_data
    except zlib.error as error:
        raise BadRequest(f"{name}: {error}") from None
    return output.getvalue()


def _unzstd(body: bytes, limit: int) -> bytes:
    try:
        reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(
            io.BytesIO(body), read_across_frames=True
        )
        output = reader.read(limit + 1)
    except zstandard.ZstdError as error:
        raise BadRequest(f"zstd: {error}") from None
    if len(output) > limit:
        raise BodyTooLarge(f"the body is larger than {limit} bytes after decompression")
    return output


def parse_json(body: bytes, message: Message) -> Message:
    """Fill ``message`` from OTLP/JSON: hex ids in either case, integers as strings or numbers, unknown fields ignored.

    An id that is no hex becomes empty, so that only its span is rejected and not the request.

    Raises:
        BadRequest: the body is no JSON or does not fit the message; says where.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is no valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadRequest(f"expected a JSON object ({message.DESCRIPTOR.name}), found {type(document).__name__}")
    try:
        ids_to_base64(document)
        ParseDict(document, message, ignore_unknown_fields=True, max_recursion_depth=_MAX_DEPTH)
    except (ParseError, ValueError, TypeError, RecursionError, AttributeError, OverflowError) as error:
        raise BadRequest(f"the body is no {message.DESCRIPTOR.name}: {error}") from None
    return message


def ids_to_base64(document: Any) -> None:
    """Rewrite hex ids to the base64 that protobuf's JSON parser expects, in place."""
    stack = [document]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            for key, value in node.items():
                if key in _HEX_ID_KEYS and isinstance(value, str):
                    node[key] = _hex_to_base64(value)
                elif isinstance(value, (dict, list)):
                    stack.append(value)
        else:
            stack.extend(value for value in node if isinstance(value, (dict, list)))


def _hex_to_base64(text: str) -> str:
    try:
        return base64.b64encode(bytes.fromhex(text)).decode()
    except ValueError:
        return ""
