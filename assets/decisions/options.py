"""What a draft carries beside its text and picture because its network asks for it: a link, a title, a board.

Belongs here: where each of them comes from, and why an account cannot be drafted for at all. Does not belong here: what networks
ask for (policy), what people add by hand.
"""

from collections.abc import Mapping

from contracts.networks import ContentFormat
from contracts.records import Account, AccountTerms, Client, PublishOptions
from ml.content import FORMATS, NOT_DRAFTED
from policy import NetworkLimits
from policy.limit_shapes import TextLimit

DERIVED = frozenset({"link", "title", "board_id"})
"""Options that a draft can fill in by itself."""


def options_for(
    content_format: ContentFormat, text: str, client: Client, limits: NetworkLimits, terms: AccountTerms | None
) -> PublishOptions:
    """Every option without which the network refuses the format. One that cannot be filled stays empty, and policy says so."""
    form = limits.formats.get(content_format)
    wanted = form.required if form else frozenset()
    board = terms.board if terms else None
    title = (form.title if form else None) or limits.title
    return PublishOptions(
        link=client.brand.link if "link" in wanted else None,
        title=title_of(text, title, limits.forbidden_characters) if "title" in wanted else None,
        board_id=board.board_id if board and "board_id" in wanted else None,
    )


def title_of(text: str, limit: TextLimit | None, forbidden: str = "") -> str | None:
    """The first line of the text, cut after a word where it is longer than a title may be; None for a text without words."""
    allowed = "".join(character for character in text if character not in forbidden)
    line = next((line.strip() for line in allowed.splitlines() if line.strip()), "")
    if limit is None or not limit.excess(line):
        return line or None
    words = line.split(" ")
    while len(words) > 1 and limit.excess(f"{' '.join(words)}…"):
        words.pop()
    cut = " ".join(words)
    while cut and limit.excess(f"{cut}…"):
        cut = cut[:-1]
    return f"{cut.rstrip(' ,;:')}…"


def why_not_drafted(account: Account, limits: NetworkLimits, terms: AccountTerms | None) -> str | None:
    """Why no draft for this account could be sent; None where one can."""
    if account.network in NOT_DRAFTED:
        return NOT_DRAFTED[account.network]
    forms = [form for kind in FORMATS[account.network] if (form := limits.formats.get(kind))]
    if forms and all("board_id" in form.required for form in forms) and (terms is None or terms.board is None):
        return (
            f"no board is known that its posts could go to: `pulso accounts boards {account.account_id}` reads them, "
            f"`pulso accounts set-board {account.account_id} BOARD` chooses one"
        )
    return None


def told(reasons: Mapping[str, str]) -> str:
    """Accounts that nothing is drafted for, with the reason of each, for a run's metadata."""
    return "; ".join(f"{account_id}: {why}" for account_id, why in sorted(reasons.items())) or "none"
