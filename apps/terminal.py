"""Values as one line of text for a terminal. Posts and payloads are strangers' words: they must not steer it.

Does not belong here: what is printed (the commands), colours.
"""

from typing import Any


def printable(value: Any, *, longest: int | None = None, breaks: bool = False) -> str:
    """The value without line breaks (kept with `breaks`) and with control characters spelled out; cut with `…` past `longest`."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    if not breaks:
        text = " ".join(text.splitlines())
    return "".join(sign if sign.isprintable() or sign == "\n" else repr(sign)[1:-1] for sign in text)
