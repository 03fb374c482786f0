"""Content identifiers of the AT Protocol: CIDv1 over SHA-256, of DAG-CBOR for records and of raw bytes for blobs."""

import base64
from hashlib import sha256
from typing import Any

_DAG_CBOR, _RAW = 0x71, 0x55


def _head(major: int, value: int) -> bytes:
    if value < 24:
        return bytes([major << 5 | value])
    for marker, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << (8 * width):
            return bytes([major << 5 | marker]) + value.to_bytes(width)
    raise ValueError("integer too large for CBOR")


def _decode(text: str) -> bytes:
    body = text[1:].upper()
    return base64.b32decode(body + "=" * (-len(body) % 8))


def dag_cbor(value: Any) -> bytes:
    """Canonical encoding of a record's JSON: keys by length then bytes, `$link` as tag 42. Raises TypeError for floats."""
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[value]
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, str):
        data = value.encode()
        return _head(3, len(data)) + data
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(dag_cbor(item) for item in value)
    if isinstance(value, dict):
        if set(value) == {"$link"}:
            link = b"\x00" + _decode(value["$link"])
            return b"\xd8\x2a" + _head(2, len(link)) + link
        if set(value) == {"$bytes"}:
            data = base64.b64decode(value["$bytes"] + "==")
            return _head(2, len(data)) + data
        keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        return _head(5, len(keys)) + b"".join(dag_cbor(key) + dag_cbor(value[key]) for key in keys)
    raise TypeError(f"no DAG-CBOR form for {type(value).__name__}")


def _cid(codec: int, data: bytes) -> str:
    digest = bytes([1, codec, 0x12, 32]) + sha256(data).digest()
    return "b" + base64.b32encode(digest).decode().lower().rstrip("=")


def record_cid(record: Any) -> str:
    """Identifier of a record."""
    return _cid(_DAG_CBOR, dag_cbor(record))


def blob_cid(content: bytes) -> str:
    """Identifier of uploaded bytes."""
    return _cid(_RAW, content)
