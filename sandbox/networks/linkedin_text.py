"""Little text, the format of a post's commentary, as LinkedIn reads it: a reserved character that is not escaped and begins nothing
ends the text, without a word.

Belongs here: what is shown and what is kept of a commentary, and how a plain text is kept. Does not belong here: posts.
"""

import re

_RESERVED = r"\\|{}@\[\]()<>#*_~"
_PIECE = re.compile(
    rf"\\(?P<escaped>[{_RESERVED}])"
    r"|\{hashtag\|\\?[#＃]\|(?P<template>[^{}|]+)\}"
    r"|@\[(?P<name>(?:\\.|[^\]\\])+)\]\(urn:li:\w+:[^()]+\)"
    r"|#(?P<hashtag>\w+)"
    rf"|(?P<plain>[^{_RESERVED}]+)"
)


def read(commentary: str) -> tuple[str, str]:
    """What people see, and what LinkedIn keeps: hashtags become templates, and what it does not understand is cut off."""
    shown, kept, position = [], [], 0
    while position < len(commentary):
        match = _PIECE.match(commentary, position)
        if match is None:
            break
        position = match.end()
        hashtag = match["template"] or match["hashtag"]
        if hashtag:
            shown.append(f"#{hashtag}")
            kept.append(f"{{hashtag|\\#|{hashtag}}}")
        else:
            shown.append(match["escaped"] or match["plain"] or re.sub(r"\\(.)", r"\1", match["name"] or ""))
            kept.append(match.group())
    return "".join(shown), "".join(kept)


def write(text: str) -> str:
    """How a text that was written in LinkedIn's own editor is kept."""
    escaped = re.sub(rf"[{_RESERVED}]", r"\\\g<0>", text)
    return re.sub(r"\\#((?:\w|\\_)+)", lambda match: f"{{hashtag|\\#|{match[1].replace(chr(92), '')}}}", escaped)
