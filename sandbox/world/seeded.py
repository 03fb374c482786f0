"""The seeded world: demo brands, their rivals and audiences, all outcomes drawn from documented laws."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from sandbox.world import audience, direct
from sandbox.world.effects import EngagementLaw
from sandbox.world.followers import FollowerPath
from sandbox.world.laws import LAWS
from sandbox.world.model import Account, Comment, Counts, DirectMessage, Post, to_datetime
from sandbox.world.outcomes import Outcome, age_hours, outcome
from sandbox.world.parameters import WorldParameters
from sandbox.world.posting import PostingProcess
from sandbox.world.residents import crowd, residents


class SeededWorld:
    """Implements `World`. What is kept in memory is a cache of pure functions: dropping it changes nothing."""

    kind = "seeded"

    def __init__(
        self, seed: int, start_ms: int, parameters: WorldParameters | None = None, *, crowd_size: int = 0
    ) -> None:
        self.seed = seed
        self.start_ms = start_ms
        self.parameters = parameters or WorldParameters()
        everyone = (*residents(), *crowd(crowd_size, rate=self.parameters.crowd_rate))
        self._residents = {resident.account.native_id: resident for resident in everyone}
        self._posting = {
            key: PostingProcess(self.parameters, seed, resident, start_ms) for key, resident in self._residents.items()
        }
        self._laws = {
            key: EngagementLaw(self.parameters, seed, resident, start_ms) for key, resident in self._residents.items()
        }
        self._followers = {
            key: FollowerPath(self.parameters, seed, resident, start_ms) for key, resident in self._residents.items()
        }
        self._outcomes: dict[str, Outcome] = {}
        self._arrivals: dict[str, list[int]] = {}
        self._comments: dict[str, tuple[Comment, ...]] = {}

    @property
    def accounts(self) -> Sequence[Account]:
        return tuple(resident.account for resident in self._residents.values())

    def posts(self, account: Account, until_ms: int) -> Sequence[Post]:
        return self._posting[account.native_id].until(until_ms)

    def outcome(self, post: Post) -> Outcome:
        """Final counts and growth of a post; the same for the same post."""
        known = self._outcomes.get(post.native_id)
        if known is None:
            known = outcome(self.parameters, self.seed, self._laws[post.account_id], post)
            self._outcomes[post.native_id] = known
        return known

    def _arrived(self, post: Post, now_ms: int) -> int:
        times = self._arrivals.get(post.native_id)
        if times is None:
            times = [
                post.created_ms + round(hours * 3_600_000)
                for hours in self.outcome(post).arrival_hours(self.seed, post)
            ]
            self._arrivals[post.native_id] = times
        return bisect_right(times, now_ms)

    def counts(self, post: Post, now_ms: int) -> Counts:
        if post.is_reply:  # an answer under a post is a courtesy: the law speaks of posts
            return dict.fromkeys(("likes", "comments", "shares", "saves", "quotes"), 0)
        return self.outcome(post).at(age_hours(post, now_ms), self._arrived(post, now_ms))

    def comments(self, post: Post, now_ms: int) -> Sequence[Comment]:
        if post.is_reply:
            return ()
        found = self._comments.get(post.native_id)
        if found is None:
            resident = self._residents[post.account_id]
            found = audience.comments(self.parameters, self.seed, resident, post, self.outcome(post))
            self._comments[post.native_id] = found
        return found[: self._arrived(post, now_ms)]

    def direct_messages(self, account: Account, now_ms: int) -> Sequence[DirectMessage]:
        return direct.messages(self.seed, self._residents[account.native_id], now_ms)

    def followers(self, account: Account, now_ms: int) -> int | None:
        return self._followers[account.native_id].at(now_ms)

    def new_followers(self, account: Account, start_ms: int, end_ms: int) -> int | None:
        return self._followers[account.native_id].gained(start_ms, end_ms)

    def idle_reach(self, account: Account, now_ms: int) -> int | None:
        return round(self._followers[account.native_id].at(now_ms) * self.parameters.profile_visit_reach)

    def truth(self, post: Post) -> dict[str, Any]:
        terms = self._laws[post.account_id].terms(post)
        return {
            "expected_log_engagement": sum(terms.values()),
            "terms": terms,
            "final_engagements": self.outcome(post).interactions,
        }

    def describe(self, now_ms: int) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "seed": self.seed,
            "start": to_datetime(self.start_ms).isoformat(),
            "accounts": len(self._residents),
            "posts": sum(len(self.posts(account, now_ms)) for account in self.accounts),
            "parameters": self.parameters.describe(),
            "networks": {network: law.describe() for network, law in LAWS.items()},
        }
