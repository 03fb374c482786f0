"""Records: the things that Pulso talks about, as they cross from one room to another.

All times are timezone-aware UTC. Ids of networks are strings. `account_id` is `<network>:<native account id>` and `post_id`
is `<network>:<native post id>`, so that both are unique across networks.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from contracts.networks import ContentFormat, Network


class Record(BaseModel):
    """Base of all records: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --- clients -----------------------------------------------------------------------------------------------------------


class Autonomy(StrEnum):
    """How far Pulso may act for a client without a person."""

    MANUAL = "manual"
    """A person approves every post and every reply."""
    ASSISTED = "assisted"
    """What the approval policy finds safe is approved by it; the rest waits for a person."""
    AUTONOMOUS = "autonomous"
    """Everything that passes the guardrails is approved by policy."""


class ApprovalPolicy(Record):
    """When the policy itself may approve. Applies to clients that are not `manual`."""

    min_forecast_percentile: float = Field(default=0.0, ge=0, le=1)
    """Assisted clients: a draft is approved by policy if its forecast ranks at least here among the client's past posts."""
    min_reply_confidence: float = Field(default=0.8, ge=0, le=1)
    """A reply is approved by policy only if the comment was understood at least this confidently."""
    approval_lead_hours: float = Field(default=0.0, ge=0)


class QuietHours(Record):
    """Local hours in which nothing is published: from `start_hour` up to, not including, `end_hour`; may wrap midnight."""

    start_hour: int = Field(default=22, ge=0, le=23)
    end_hour: int = Field(default=7, ge=0, le=23)


class PostingRules(Record):
    """Limits on how often and when a client publishes, each per account."""

    min_gap_hours: float = Field(default=4.0, ge=0)
    max_posts_per_day: int = Field(default=2, ge=0, le=20)
    quiet_hours: QuietHours = QuietHours()
    late_window_minutes: int = Field(default=90, ge=1)
    """A slot missed by more than this does not fire late."""


class Pillar(Record):
    """One theme that a client writes about."""

    pillar_id: str
    name: str
    description: str
    keywords: tuple[str, ...] = ()
    intended_share: float | None = Field(default=None, gt=0, le=1)
    """Share of the client's posts that is meant to be about it; None: nobody said."""


class Fact(Record):
    """A true statement that a draft may rest on. Drafts never claim what no fact says."""

    fact_id: str
    pillar_id: str
    text: str
    valid_from: date | None = None
    valid_until: date | None = None


class BrandKit(Record):
    """What makes a text sound and look like the client."""

    voice: str
    audience: str
    pillars: tuple[Pillar, ...]
    facts: tuple[Fact, ...]
    hashtags: tuple[str, ...] = ()
    banned_words: tuple[str, ...] = ()
    calls_to_action: tuple[str, ...] = ()
    disclosure: str | None = None
    """Text that must stand in every post that is advertising (for example #ad)."""
    link: str | None = None
    emoji: tuple[str, ...] = ()
    primary_colour: str = "#1f4e79"
    secondary_colour: str = "#f4b942"

    @field_validator("pillars")
    @classmethod
    def _shares_fit(cls, pillars: tuple[Pillar, ...]) -> tuple[Pillar, ...]:
        intended = sum(pillar.intended_share or 0 for pillar in pillars)
        if intended > 1 + 1e-9:
            raise ValueError(f"the intended shares of the pillars add up to {intended:.0%}; they may not exceed 100%")
        return pillars


def _as_zone(value: Any) -> Any:
    if isinstance(value, str):
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, OSError) as error:
            raise ValueError(f"{value!r} is not an IANA time zone such as Europe/Lisbon") from error
    return value


TimeZoneName = Annotated[str, BeforeValidator(_as_zone)]


class Client(Record):
    """A brand that Pulso works for: the tenant. Every row of every table belongs to one."""

    client_id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{1,62}$")
    name: str
    time_zone: TimeZoneName
    language: Literal["en", "es", "pt"]
    autonomy: Autonomy = Autonomy.MANUAL
    approval_policy: ApprovalPolicy = ApprovalPolicy()
    posting_rules: PostingRules = PostingRules()
    brand: BrandKit
    is_active: bool = True


class GoalMetric(StrEnum):
    """What a goal can be about: a column of gold, by its name there."""

    POSTS_PUBLISHED = "posts_published"
    ENGAGEMENTS = "engagements"
    COMMENTS = "comments"
    SHARES = "shares"
    REACH = "reach"
    VIEWS = "views"
    FOLLOWERS = "followers"
    """A level to be reached by the end of the period."""
    FOLLOWERS_DELTA = "followers_delta"
    ENGAGEMENT_RATE_BY_REACH = "engagement_rate_by_reach"
    ENGAGEMENT_RATE_BY_VIEWS = "engagement_rate_by_views"
    ENGAGEMENT_RATE_BY_IMPRESSIONS = "engagement_rate_by_impressions"
    ENGAGEMENT_RATE_BY_FOLLOWERS = "engagement_rate_by_followers"

    @property
    def is_rate(self) -> bool:
        """A ratio over the whole period, which has no pace."""
        return self.value.startswith("engagement_rate_by_")


class Goal(Record):
    """What a client means to reach in a period: of all its accounts, those on one network, or one account."""

    client_id: str
    metric: GoalMetric
    target: float = Field(gt=0, allow_inf_nan=False)
    first_day: date
    """Client-local, like `last_day`, which is included."""
    last_day: date
    network: Network | None = None
    account_id: str | None = None

    @model_validator(mode="after")
    def _is_one_goal(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError(f"the period ends on {self.last_day}, before it begins on {self.first_day}")
        if self.network is not None and self.account_id is not None:
            raise ValueError("name a network or an account, not both: an account is on one network")
        return self

    @property
    def goal_id(self) -> str:
        """The same for the same metric, period and accounts of a client, whatever the target."""
        accounts = self.account_id or (self.network.value if self.network else "all")
        return f"{self.client_id}/{self.metric.value}/{accounts}/{self.first_day}/{self.last_day}"


class Account(Record):
    """An account of a client on a network."""

    account_id: str
    client_id: str
    network: Network
    native_id: str
    handle: str
    base_url: str
    """Where the account's network answers: the PDS for Bluesky, the Graph host for Instagram, the sandbox in a demo."""

    @field_validator("account_id")
    @classmethod
    def _has_network_prefix(cls, value: str) -> str:
        if ":" not in value:
            raise ValueError("account_id must be '<network>:<native id>'")
        return value


class Board(Record):
    """A board (Pinterest) that an account's posts can go to."""

    board_id: str
    name: str
    is_public: bool


class AccountTerms(Record):
    """What an account's own place on its network allows and offers, as that place says it: read now and then, kept in the store.

    Empty where the network has the same terms for everybody.
    """

    account_id: str
    configuration: dict[str, Any] = Field(default_factory=dict)
    """Mastodon: the member of that name of the instance's own description; `policy.limits_for` reads limits out of it."""
    boards: tuple[Board, ...] = ()
    chosen_board_id: str | None = None
    """The board that a person chose for this account's posts."""
    read_at: AwareDatetime

    @property
    def board(self) -> Board | None:
        """Where a post goes that names no board: the chosen one while it exists, else the only one, else the first public one."""
        chosen = [board for board in self.boards if board.board_id == self.chosen_board_id]
        public = [board for board in self.boards if board.is_public]
        fallback = self.boards if len(self.boards) == 1 else public
        return next(iter((*chosen, *fallback)), None)


class Competitor(Record):
    """A rival's public profile, a record shared between clients and linked to each that watches it."""

    competitor_id: str
    network: Network
    handle: str
    profile_url: str
    client_ids: tuple[str, ...]


class Token(Record):
    """A credential of one account. Never logged, never in the lake."""

    access_token: str = Field(repr=False)
    refresh_token: str | None = Field(default=None, repr=False)
    expires_at: AwareDatetime | None = None
    version: int = 0
    """Raised by one at each save; a save with a stale version is refused."""


# --- what the networks say ----------------------------------------------------------------------------------------------


class AccountSnapshot(Record):
    """An account's public figures at one moment (observed)."""

    account_id: str
    client_id: str
    network: Network
    native_id: str
    handle: str
    display_name: str | None
    followers: int | None
    following: int | None
    posts_count: int | None
    observed_at: AwareDatetime
    raw: str
    """The network's own JSON."""


class AccountMetricPoint(Record):
    """One account metric of one business day as the network reports it (reported)."""

    account_id: str
    client_id: str
    network: Network
    metric: str
    day: date
    value: int
    fetched_at: AwareDatetime
    raw: str


class Post(Record):
    """A post as a network shows it at one moment (observed)."""

    post_id: str
    account_id: str
    client_id: str
    network: Network
    native_id: str
    permalink: str | None
    text: str
    link_url: str | None = None
    """Where a click on what is attached leads away to: a card's page, somebody else's film. Links within the text stay there."""
    link_title: str | None = None
    """The headline that is shown with it beside the text; of an own film, its title."""
    content_format: ContentFormat
    media_count: int
    published_at: AwareDatetime
    observed_at: AwareDatetime
    is_reply: bool = False
    raw: str


class PostMetricPoint(Record):
    """One count of one post at one moment (observed). A metric that the network did not send has no row: never a zero."""

    post_id: str
    account_id: str
    client_id: str
    network: Network
    metric: str
    value: int
    observed_at: AwareDatetime
    is_backfilled: bool
    """The post was first seen long after it was published: only today's count is known."""
    source: str
    """The endpoint it came from, for example `media` or `media_insights`."""
    raw: str


class TextLabels(Record):
    """What a labeller said of a text. A confidence is the probability that the label is right."""

    sentiment: Literal["negative", "neutral", "positive"]
    sentiment_confidence: float = Field(ge=0, le=1)
    is_sentiment_sure: bool
    """Sure enough to go by without another opinion."""
    is_offensive: bool | None = None
    """None: nobody who can tell was asked."""
    offensive_confidence: float | None = Field(default=None, ge=0, le=1)
    is_offensive_sure: bool = False
    labelled_by: str
    """Name and version of who said it."""


class Comment(Record):
    """A comment or reply by someone of the audience (observed). Their identity leaves bronze only as a keyed pseudonym."""

    comment_id: str
    post_id: str
    account_id: str
    client_id: str
    network: Network
    native_id: str
    parent_comment_id: str | None
    author_native_id: str | None
    author_handle: str | None
    text: str
    likes: int | None
    commented_at: AwareDatetime
    observed_at: AwareDatetime
    is_own: bool
    raw: str


class Message(Record):
    """A direct message between an account and one person of the audience (observed). Words and identity stay in the store."""

    message_id: str
    conversation_id: str
    account_id: str
    client_id: str
    network: Network
    native_id: str
    participant_native_id: str
    """Whom the account talks with, whoever wrote this message."""
    participant_handle: str | None
    is_own: bool
    text: str
    sent_at: AwareDatetime
    observed_at: AwareDatetime
    raw: str


class CompetitorPost(Record):
    """A rival's public post as its public page shows it (observed). Shared, not a tenant's: linked through `Competitor`."""

    competitor_post_id: str
    competitor_id: str
    network: Network
    handle: str
    permalink: str
    text: str
    published_at: AwareDatetime
    likes: int | None
    comments: int | None
    followers: int | None
    observed_at: AwareDatetime
    raw: str


class CollectionFailure(Record):
    """An account that could not be read, and why. It stops no other account and shows as a failed check."""

    client_id: str
    account_id: str
    network: Network
    what: str
    error_class: str
    message: str


class UnusualDay(Record):
    """A network's day in a bronze table that is unlike the days before it. In shares where it is about shares, else in multiples of the
    usual: a network's sums over all clients are no one client's to see."""

    source: str
    network: Network
    metric: str | None
    kind: str
    """What is seen; the key of the words for it (`assets.checks.anomalies.WORDS`)."""
    day: date
    is_share: bool
    value: float
    expected: float
    low: float | None
    high: float | None
    """Where the usual ends; None: it does not."""
    past: tuple[tuple[date, float], ...]


# --- webhooks ----------------------------------------------------------------------------------------------------------


class Notice(Record):
    """What one webhook delivery says about one account: that something happened. What happened is read from the network itself."""

    network: Network
    native_account_ids: tuple[str, ...] = Field(min_length=1)
    """Names of the one account, as the network and as Pulso may write it."""
    kinds: tuple[str, ...]
    """The network's own names of the events."""
    native_post_ids: tuple[str, ...] = ()
    """The posts concerned; empty where an event names none, and the account as a whole is meant."""
    asks_to_read: bool = True
    """False where nothing that Pulso reads has changed (somebody is typing)."""
    raw: str
    """The account's own part of the body: one delivery may tell of several tenants."""


class Delivery(Record):
    """A notice that was kept, and what became of it."""

    delivery_key: str
    account_id: str
    client_id: str
    network: Network
    kinds: tuple[str, ...]
    native_post_ids: tuple[str, ...]
    state: str
    reason: str | None
    tries: int
    received_at: AwareDatetime
    """Machine time."""
    batch_id: str | None
    """The reading that it waits for."""


# --- decisions ---------------------------------------------------------------------------------------------------------


class Forecast(Record):
    """A statement, made before publication, about a post's mature engagement (likes, comments, shares, saves, quotes)."""

    expected_log_engagement: float
    """Median of log(1 + engagements)."""
    lower_log_engagement: float
    upper_log_engagement: float
    interval_level: float = 0.8
    interval_multiplier: float = 1.0
    """By what the model's own half-widths were multiplied, as learned from scored forecasts."""
    percentile: float | None = None
    """Rank of the forecast among the account's past matured posts, 0 to 1."""
    model_name: str
    model_version: str
    forecast_at: AwareDatetime
    feature_row: dict[str, Any] = Field(default_factory=dict)
    """The exact features that were scored, so that the number can be traced."""


class Decision(Record):
    """The evidence of a choice. Without it nothing can be learned or explained later."""

    decision_id: str
    client_id: str
    account_id: str
    kind: Literal["content_idea", "content_draft", "post_slot", "reply"]
    decided_at: AwareDatetime
    chosen: str
    """Id of the chosen candidate."""
    candidates: tuple[dict[str, Any], ...]
    propensity: float = Field(gt=0, le=1)
    """Probability with which the policy that was in force chose what it chose."""
    is_exploration: bool
    seed: int
    model_version: str | None
    prompt_version: str
    policy_version: str


class Media(Record):
    """A picture or a film that belongs to a content item."""

    media_id: str
    path: str
    """Where the bytes are, relative to PULSO_HOME."""
    mime_type: str
    alt_text: str
    width: int
    height: int
    size_bytes: int
    sha256: str
    duration_seconds: float | None = Field(default=None, gt=0)
    """Films only."""


class Poll(Record):
    """A question to the audience; the post's text asks it."""

    choices: tuple[str, ...] = Field(min_length=2)
    open_minutes: int = Field(gt=0)
    allows_several: bool = False


class PublishOptions(Record):
    """What only some networks' posts can carry (`Capabilities.options` says which). Empty: nothing of it."""

    title: str | None = None
    link: str | None = None
    """Where a click on the post leads (not a link within the text)."""
    board_id: str | None = None
    """The board (Pinterest) or playlist that the post goes to."""
    place_id: str | None = None
    """The network's own id of the place that the post is tagged with."""
    user_tags: tuple[str, ...] = ()
    """Handles of people tagged in the pictures."""
    poll: Poll | None = None
    thread: tuple[str, ...] = ()
    """Texts of the posts that follow the first one."""
    privacy: str | None = None
    """The network's own name of who can see the post; None: everybody."""
    is_ai_made: bool = False
    is_paid_partnership: bool = False


class ContentItem(Record):
    """One post that is to be, for one account: text, media, why it exists and what is expected of it."""

    content_item_id: str
    client_id: str
    account_id: str
    network: Network
    revision: int = 1
    text: str
    content_format: ContentFormat
    media: tuple[Media, ...] = ()
    options: PublishOptions = PublishOptions()
    language: str
    pillar_id: str | None = None
    fact_ids: tuple[str, ...] = ()
    is_advertising: bool = False
    reply_to_comment_id: str | None = None
    reply_to_post_id: str | None = None
    reply_to_message_id: str | None = None
    """The direct message that this answers; nobody but its writer will see it."""
    reply_confidence: float | None = Field(default=None, ge=0, le=1)
    """Replies: how surely the comment was understood. None for posts, and for replies that a person has to judge."""
    needs_person: bool = False
    """A person has to approve this, whatever the client's autonomy."""
    scheduled_at: AwareDatetime | None = None
    forecast: Forecast | None = None
    decisions: tuple[Decision, ...] = ()
    created_at: AwareDatetime

    @property
    def is_reply(self) -> bool:
        """Whether this answers somebody: conversation, not a post of its own."""
        return bool(self.reply_to_comment_id or self.reply_to_post_id or self.reply_to_message_id)


# --- publishing --------------------------------------------------------------------------------------------------------


class MessageTarget(Record):
    """To whom a direct message goes, and what it answers."""

    native_conversation_id: str
    native_message_id: str
    """The message that is answered."""
    participant_native_id: str
    received_at: AwareDatetime
    """When the person last wrote: networks let an account answer for a while only."""


class PublishRequest(Record):
    """What a connector needs to publish one intent. `intent_id` is the outbox key: one intent is one post, for ever."""

    intent_id: str
    account: Account
    text: str
    content_format: ContentFormat
    media: tuple[Media, ...] = ()
    options: PublishOptions = PublishOptions()
    language: str | None = None
    reply_to_native_post_id: str | None = None
    reply_to_native_comment_id: str | None = None
    message_to: MessageTarget | None = None
    """Set: this is a direct message, and nothing else of it is seen by anybody."""
    created_at: AwareDatetime
    """Business time at which the intent was first taken up; part of what reconciliation compares."""
    claimed_native_ids: tuple[str, ...] = ()
    """Posts of the account with this very text that are other intents' receipts: no evidence for this one."""


class Staging(Record):
    """What was prepared on the network and is still invisible. Persisted after every step, before the next one."""

    handles: dict[str, str] = Field(default_factory=dict)
    """The network's own ids: `rkey`, `container_id`, `blob_0`, ..."""
    is_complete: bool = False
    """True when only the commit is left."""


class Receipt(Record):
    """The network's proof that a post is live."""

    native_id: str
    permalink: str | None
    published_at: AwareDatetime
    how: Literal["answered", "reconciled"]
    """`reconciled`: the answer was lost and the post was found by reading the network."""
    is_provisional: bool = False
    """The post is live, but the network has not said yet which id it has: `native_id` is that of the publishing."""
    raw: str = "{}"


class Reconciliation(Record):
    """What reading the network says about an intent whose commit got no clear answer."""

    outcome: Literal["published", "not_published", "absent", "undecided"]
    """`not_published` only where the network's own state proves it. `absent`: the listing that would show the post was read as far back as
    the commit and does not show it; a strong hint, no proof."""
    receipt: Receipt | None = None
    evidence: str
    """One sentence for a person: what was read and what it showed."""
    is_repeat_harmless: bool = False
    """`absent` and `undecided` only: right now a second commit of the same staging is a no-op by the network's native key, although the
    capabilities cannot promise that for every server and for ever."""


class LedgerEntry(Record):
    """One line of the action ledger: what was done, when, with which outcome."""

    ledger_id: str
    client_id: str
    account_id: str
    network: Network
    action: Literal["publish", "reply"]
    content_item_id: str
    revision: int
    occurrence: int
    state: str
    reason: str | None
    post_id: str | None
    """None also while a live post has no id yet (`Receipt.is_provisional`)."""
    permalink: str | None
    scheduled_at: AwareDatetime | None
    published_at: AwareDatetime | None
    commit_calls: int
    approved_by: str | None
    approved_at: AwareDatetime | None
    text_sha256: str
    forecast: Forecast | None
    decision_ids: tuple[str, ...]
    pillar_id: str | None = None
    """What it was written about, where it was drafted for a pillar."""
    recorded_at: AwareDatetime


class QueueDepth(Record):
    """What the outbox holds for one client on one network, of which nothing is known to be visible. At least one count is above zero."""

    client_id: str
    network: Network
    waiting: int
    """Promised and not sent, overdue ones included."""
    overdue: int
    """Of those waiting, whose slot has passed."""
    parked: int
    """Wait for a person."""


class TroubleKind(StrEnum):
    """What keeps a promised post from its public."""

    PAUSED = "paused"
    """The network refuses the account: everything of it waits."""
    DEFERRED = "deferred"
    """A limit or a budget is used up for long: everything of the account waits, and slots may pass meanwhile."""
    STUCK = "stuck"
    """It should have moved on and did not: nobody publishes, or publishing fails."""
    PARKED = "parked"
    """No machine can tell what happened, or what to do."""
    FAILED = "failed"
    """The network, or a guardrail at the last moment, refused the content for good."""
    MISSED = "missed"
    """Its slot passed by more than its window."""


class Trouble(Record):
    """Something promised that does not go out by itself: why, whose problem it is, and what to do. No one's words are in it."""

    kind: TroubleKind
    client_id: str
    account_id: str
    network: Network
    intent_id: str | None
    """None: the account as a whole."""
    content_item_id: str | None
    scheduled_at: AwareDatetime | None
    since: AwareDatetime
    code: str | None
    """Why it is parked (`operations.ParkReason`), or what refused it."""
    reason: str
    owner: str
    """Whose problem it is."""
    remedy: str
    posts: int
    """The cost: posts that are held up by it."""

    @property
    def holds_up_others(self) -> bool:
        """What comes after it will not go out either."""
        return self.kind in (TroubleKind.PAUSED, TroubleKind.DEFERRED, TroubleKind.STUCK)


class Verdict(Record):
    """A rule's answer to: may this be sent?"""

    is_allowed: bool
    violations: tuple["Violation", ...] = ()


class Violation(Record):
    """One broken rule: what is wrong and what would mend it."""

    rule: str
    message: str
    remedy: str
    severity: Literal["block", "warn"] = "block"
