"""Ten drafts of the demo clients as the offline composer writes them: `python -m apps.demo.drafts` writes docs/drafts.md.

Belongs here: showing drafts unedited. Does not belong here: making them better for show.
"""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from apps.demo import demo_clients
from contracts.networks import Network
from contracts.tables import UTC as UTC_TYPE
from ml.content import SeenTexts, brief_for, compose, propose_ideas
from policy import LIMITS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "drafts.md"
SEED = 7
NOW = datetime(2026, 5, 30, 6, tzinfo=UTC)
DRAFTS_PER_CLIENT = {
    "harbor-coffee": {Network.BLUESKY: 2, Network.INSTAGRAM: 2},
    "verde-cocina": {Network.BLUESKY: 2, Network.INSTAGRAM: 1},
    "brisa-surf": {Network.BLUESKY: 2, Network.INSTAGRAM: 1},
}

NO_POSTS = pl.DataFrame(
    schema={
        "client_id": pl.String,
        "account_id": pl.String,
        "network": pl.String,
        "text": pl.String,
        "content_format": pl.String,
        "published_at": UTC_TYPE,
        "is_reply": pl.Boolean,
        "mature_engagements": pl.Int64,
        "mature_at": UTC_TYPE,
    }
)

_INTRODUCTION = f"""# Ten drafts, unedited

Written by the offline composer (no text model, seed {SEED}) for the three demo clients on their first day, when there is no past to
learn from. `python -m apps.demo.drafts` writes this page; a test fails when the page and the composer disagree.
Facts are quoted from the brand kit and never reworded, so that a draft says nothing that the client did not state.
"""


def _quote(text: str) -> str:
    """A Markdown quotation that keeps the text's own line breaks."""
    lines = text.split("\n")
    follows = [*lines[1:], ""]
    return "\n".join(
        f"> {line}".rstrip() + ("\\" if line and after else "") for line, after in zip(lines, follows, strict=True)
    )


def render() -> str:
    """The page as Markdown. Depends on the brand kits, the composer and SEED alone."""
    sections = [_INTRODUCTION]
    for client in demo_clients():
        seen = SeenTexts()
        sections.append(f"## {client.name} ({client.language})\n")
        for network, count in DRAFTS_PER_CLIENT[client.client_id].items():
            longest = LIMITS[network].draft_graphemes
            for index, idea in enumerate(propose_ideas(client, network, NO_POSTS, count=count, now=NOW, seed=SEED)):
                brief = brief_for(idea, client, NO_POSTS, max_characters=longest, now=NOW, seed=SEED + index)
                for draft in compose(brief, text_model=None, seed=SEED, variants=1, seen=seen):
                    seen.add(draft.text)
                    quoted = _quote(draft.text)
                    facts = ", ".join(f"`{fact_id}`" for fact_id in draft.fact_ids)
                    sections.append(
                        f"**{network.value}, {draft.content_format.value}** · pillar `{draft.pillar_id}` · rests on {facts} · "
                        f"`{draft.prompt_version}`\n\n{quoted}\n"
                    )
    return "\n".join(sections)


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
