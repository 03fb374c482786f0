"""What calls cost: X bills each one, and a post with a link more than ten times one without.

Belongs here: prices, and which call has which. Does not belong here: budgets (they are the core's, per client).

US dollars, exact. What a read costs depends on how many posts come back, so there are two answers: `price_of` before the call (the
most that it can cost: what a budget has to have left) and `spent_on` after it (what it did cost).
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from platforms._http import Call

READ_POST = Decimal("0.005")
CREATE_POST = Decimal("0.015")
CREATE_POST_WITH_URL = Decimal("0.20")
SEND_MESSAGE = Decimal("0.015")
FREE = Decimal(0)

CREATE_OPERATION = "create_post"
MESSAGE_OPERATION = "send_message"
READ_OPERATIONS = frozenset({"own_posts", "posts_lookup", "search_recent"})
"""Operations that answer posts; everything else is free of charge."""

_LINK = re.compile(r"https?://\S|\b[a-z0-9-]+\.[a-z]{2,24}\b", re.IGNORECASE)


def has_url(text: str) -> bool:
    """Whether X may find a link in the text. It also links bare domains; a missing space after a full stop counts as one here,
    which only makes the estimate too high."""
    return _LINK.search(text) is not None


def price_of(call: Call) -> Decimal:
    """The most that this call can cost."""
    if call.operation == CREATE_OPERATION:
        return price_of_posts([call.json["text"]])
    if call.operation == MESSAGE_OPERATION:
        return SEND_MESSAGE
    if call.operation in READ_OPERATIONS:
        return READ_POST * _most_posts(call)
    return FREE


def price_of_posts(texts: Iterable[str]) -> Decimal:
    """What publishing these posts costs: a thread is paid post by post, and should be affordable as a whole before its first."""
    return sum((CREATE_POST_WITH_URL if has_url(text) else CREATE_POST for text in texts), FREE)


def in_mills(dollars: Decimal) -> int:
    """Thousandths of a dollar, in which all prices are whole."""
    return int(dollars * 1000)


def spent_on(call: Call, body: Any) -> Decimal:
    """What an answered call did cost."""
    if call.operation not in READ_OPERATIONS:
        return price_of(call)
    data = body.get("data") if isinstance(body, dict) else None
    return READ_POST * len(data) if isinstance(data, list) else FREE


def _most_posts(call: Call) -> int:
    params = dict(call.params)
    if "ids" in params:
        return params["ids"].count(",") + 1
    return int(params["max_results"])
