"""The people of a campaign: they approve, cancel, edit, repost, connect accounts again and press the emergency stop, in mid-burst.

Belongs here: who does what to which post, and what each was promised by it. Does not belong here: publishers, counting what became of it.
"""

import random
import re
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from benchmarks.crowd import Crowd, admin, seen_posts
from contracts.records import Account, ContentItem, Token
from operations import IntentState, SqlStore
from operations.database import Database
from operations.models import IntentRow
from operations.states import ItemStateError, ParkReason

ACTOR = "chaos"
WORDS = re.compile(r"A post that has to appear once: \S+\.(, said better)?")
"""What the posts of a campaign say; a network may show a title beside it."""
EARLIER = timedelta(minutes=30)
"""How long ago the first slots were: more than clocks are off, less than the window of a late post."""
CANCELLED_SHARE, EDITED_SHARE, REPOSTED_SHARE = 0.03, 0.03, 0.05
APPROVALS_AT_ONCE = 20
SECOND_THOUGHTS_SECONDS = 2.0
"""How long after the approval of a post somebody changes their mind, at most."""


def visible_posts(url: str) -> list[dict[str, Any]]:
    """What the networks' public sees of a campaign's posts, in the order in which each network committed it; `text` holds their words."""
    found = [(WORDS.search(post["text"]), post) for post in seen_posts(url)]
    return [post | {"text": words[0]} for words, post in found if words]


@dataclass
class Plan:
    """What people want of one post, and what came of it."""

    item: ContentItem
    wish: str
    """publish, cancel, edit or repost."""
    due_at: float = 0.0
    """When somebody acts on it again; monotonic seconds."""
    is_done: bool = False
    """The cancellation, the edit or the repost was accepted."""

    @property
    def edited_text(self) -> str:
        return f"{self.item.text}, said better"


@dataclass
class People:
    """Acts whenever it is asked to. Everything it does goes through the store's face."""

    crowd: Crowd
    store: SqlStore
    database: Database
    chance: random.Random
    posts: int
    seed: int
    plans: list[Plan] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    stops: int = 0
    reconnections: int = 0
    _unapproved: deque[Plan] = field(default_factory=deque)
    _second_thoughts: deque[Plan] = field(default_factory=deque)
    _to_repost: dict[str, Plan] = field(default_factory=dict)

    def __post_init__(self) -> None:
        position: dict[str, int] = defaultdict(int)
        order = [self.crowd.accounts[i % len(self.crowd.accounts)] for i in range(self.posts)]
        self.chance.shuffle(order)
        for n, account in enumerate(order):
            position[account.account_id] += 1
            item = self._item(n, account, position[account.account_id])
            self.plans.append(Plan(item, self._wish()))
        self._unapproved.extend(self.plans)
        self.store.save_drafts([plan.item for plan in self.plans])

    def _item(self, n: int, account: Account, position: int) -> ContentItem:
        slot = self.crowd.now - EARLIER + timedelta(seconds=position)
        name = f"chaos-{self.seed}-{n}"
        return self.crowd.post(account, name, f"A post that has to appear once: {name}.", scheduled_at=slot)

    def _wish(self) -> str:
        draw = self.chance.random()
        for wish, share in (("cancel", CANCELLED_SHARE), ("edit", EDITED_SHARE), ("repost", REPOSTED_SHARE)):
            if draw < share:
                return wish
            draw -= share
        return "publish"

    # --- what they do -----------------------------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Nobody wants anything any more."""
        return not (self._unapproved or self._second_thoughts or self._to_repost)

    def approve(self, at_most: int) -> None:
        """Approve the next posts, in the order of their account's slots."""
        now = time.monotonic()
        for _ in range(min(at_most, APPROVALS_AT_ONCE, len(self._unapproved))):
            plan = self._unapproved.popleft()
            self.store.approve(plan.item.content_item_id, actor=ACTOR, revision=1)
            if plan.wish in ("cancel", "edit"):
                plan.due_at = now + self.chance.uniform(0, SECOND_THOUGHTS_SECONDS)
                self._second_thoughts.append(plan)
            elif plan.wish == "repost":
                self._to_repost[plan.item.content_item_id] = plan

    def change_their_minds(self) -> None:
        """Cancel and edit what is due to be. Too late is an answer: the post is out, or may be."""
        now = time.monotonic()
        for _ in range(len(self._second_thoughts)):
            plan = self._second_thoughts.popleft()
            if plan.due_at > now:
                self._second_thoughts.append(plan)
                continue
            item_id = plan.item.content_item_id
            try:
                if plan.wish == "cancel":
                    self.store.cancel(item_id, actor=ACTOR)
                else:
                    self.store.edit(item_id, actor=ACTOR, revision=1, text=plan.edited_text)
                    self.store.approve(item_id, actor=ACTOR, revision=2)
                plan.is_done = True
            except ItemStateError:
                continue

    def repost(self) -> None:
        """Send once more, on purpose, what is out; give up on what never will be."""
        if not self._to_repost:
            return
        states = self._states(tuple(self._to_repost))
        for item_id, state in states.items():
            if state == IntentState.PUBLISHED.value:
                later = self.crowd.now - EARLIER + timedelta(minutes=5)
                try:
                    self.store.repost(item_id, actor=ACTOR, scheduled_at=later)
                except ItemStateError:
                    continue  # a publisher with a bug takes back what another said: they ask again
                self._to_repost.pop(item_id).is_done = True
            elif state in (IntentState.PARKED.value, IntentState.FAILED.value) and not self._waits_for_connection(
                item_id
            ):
                del self._to_repost[item_id]

    def connect_again(self) -> None:
        """Give every account that lost its token a new one, as the network hands it out."""
        query = select(IntentRow.account_id).where(
            IntentRow.state == IntentState.PARKED.value, IntentRow.reason_code == ParkReason.RECONNECT.value
        )
        with self.database.read() as session:
            lost = set(session.scalars(query.distinct()))
        for account in self.crowd.accounts:
            if account.account_id in lost:
                page = {"network": account.network.value, "native_account_id": account.native_id}
                (row,) = admin(self.crowd.url, "GET", "accounts", params=page)
                token = Token(access_token=row["access_token"], refresh_token=row["refresh_token"])
                self.store.save_credential(account.account_id, token, actor=ACTOR)
                self.reconnections += 1

    def stop_for_a_moment(self) -> None:
        """Press the emergency stop: from the moment that it is on record no intent may get another commit call."""
        self.store.stop(actor=ACTOR, reason="pressed in mid-burst")
        at_stop = self._commit_calls()
        time.sleep(1.0)
        late = [intent for intent, calls in self._commit_calls().items() if calls > at_stop.get(intent, 0)]
        self.problems += [f"committed after a stop: {intent}" for intent in late]
        never_announced = {item for item, calls in self._commit_calls(by_item=True).items() if calls == 0}
        seen = {post["text"] for post in visible_posts(self.crowd.url)}
        self.problems += [
            f"visible though never announced: {plan.item.content_item_id}"
            for plan in self.plans
            if plan.item.content_item_id in never_announced and plan.item.text in seen
        ]
        self.store.resume(actor=ACTOR)
        self.stops += 1

    # --- what they see ----------------------------------------------------------------------------------------------------

    def _states(self, item_ids: tuple[str, ...]) -> Mapping[str, str]:
        query = select(IntentRow.content_item_id, IntentRow.state).where(IntentRow.content_item_id.in_(item_ids))
        with self.database.read() as session:
            return dict(session.execute(query).tuples().all())

    def _waits_for_connection(self, item_id: str) -> bool:
        query = select(IntentRow.reason_code).where(IntentRow.content_item_id == item_id)
        with self.database.read() as session:
            return ParkReason.RECONNECT.value in set(session.scalars(query))

    def _commit_calls(self, *, by_item: bool = False) -> Mapping[str, int]:
        name = IntentRow.content_item_id if by_item else IntentRow.intent_id
        with self.database.read() as session:
            return dict(session.execute(select(name, func.sum(IntentRow.commit_calls)).group_by(name)).tuples().all())
