"""The words that X knows in a request, and what a request asks to see; any other word is refused.

Posts are asked for with `post.fields` and the words of X's description 2.167, or with `tweet.fields` and the older ones, and are answered
in the words of the question. Does not belong here: what is answered (`x_views.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass


class WordError(ValueError):
    """A word that X does not know; `parameter` names where."""

    def __init__(self, message: str, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


POST_FIELDS = _words("""
    article article_title attachments card_uri community_id context_annotations conversation_id created_at display_text_range
    edit_controls entities geo id lang matched_media_notes media_metadata non_public_metrics note_post
    note_request_suggestions organic_metrics paid_partnership possibly_sensitive promoted_metrics public_metrics reply_settings
    scopes source suggested_source_links suggested_source_links_with_counts text withheld
""")
TWEET_FIELDS = (POST_FIELDS - {"note_post"}) | _words(
    "author_id edit_history_tweet_ids in_reply_to_user_id note_tweet referenced_tweets"
)
EXPANSIONS = _words("""
    article.cover_media article.media_entities attachments.media_keys attachments.media_source_tweet attachments.poll_ids author_id
    edit_history_post_ids entities.mentions.username geo.place_id in_reply_to_user_id referenced_posts username
    affiliation most_recent_post_id pinned_post_id
""")
OLD_EXPANSIONS = (EXPANSIONS - {"referenced_posts", "edit_history_post_ids", "pinned_post_id"}) | _words(
    "referenced_tweets.id referenced_tweets.id.author_id edit_history_tweet_ids pinned_tweet_id"
)
USER_FIELDS = _words("""
    confirmed_email connection_status created_at description entities id is_identity_verified location name parody
    profile_banner_url profile_image_url protected public_metrics receives_your_dm subscribes_to_you subscription
    subscription_type url username verified verified_followers_count verified_type withheld pinned_tweet_id
""")
MEDIA_FIELDS = _words("""
    alt_text duration_ms height media_key non_public_metrics organic_metrics preview_image_url promoted_metrics public_metrics
    type url variants width
""")
CREATE_FIELDS = _words("""
    card_uri community_id direct_message_deep_link edit_options for_super_followers_only geo made_with_ai media nullcast
    paid_partnership poll quote_tweet_id reply reply_settings share_with_followers text
""")
SHOW = _words("post.fields tweet.fields user.fields media.fields poll.fields place.fields expansions")
PAGE = _words("max_results pagination_token start_time end_time since_id until_id")

OLD_NAMES = {
    "repost_count": "retweet_count",
    "post_count": "tweet_count",
    "edit_history_post_ids": "edit_history_tweet_ids",
    "referenced_posts": "referenced_tweets",
}
"""Fields of answers that had another name."""


@dataclass(frozen=True)
class Wanted:
    """What a request asked to see."""

    fields: frozenset[str] = frozenset()
    expansions: frozenset[str] = frozenset()
    user_fields: frozenset[str] = frozenset()
    media_fields: frozenset[str] = frozenset()
    is_old: bool = False

    def refers(self, name: str) -> bool:
        """Whether a reference (`author_id`, ...) is to be shown: asked for as a field, or expanded."""
        return name in self.fields or any(e == name or e.startswith(f"{name}.") for e in self.expansions)

    @property
    def has_references(self) -> bool:
        return self.refers("referenced_posts") or self.refers("referenced_tweets")


def wanted_by(params: Mapping[str, str], known: frozenset[str]) -> Wanted:
    """The fields that a request asks to see. Raises WordError for parameters that are not `known` and fields that nobody knows."""
    if unknown := sorted(set(params) - known):
        message = f"The query parameter [{unknown[0]}] is not one of [{','.join(sorted(known))}]"
        raise WordError(message, unknown[0])
    asked = set(params.get("expansions", "").split(","))
    is_old = "tweet.fields" in params or bool(asked & (OLD_EXPANSIONS - EXPANSIONS))
    return Wanted(
        fields=_listed(params, "tweet.fields", TWEET_FIELDS) if is_old else _listed(params, "post.fields", POST_FIELDS),
        expansions=_listed(params, "expansions", OLD_EXPANSIONS if is_old else EXPANSIONS),
        user_fields=_listed(params, "user.fields", USER_FIELDS),
        media_fields=_listed(params, "media.fields", MEDIA_FIELDS),
        is_old=is_old,
    )


def _listed(params: Mapping[str, str], name: str, known: frozenset[str]) -> frozenset[str]:
    values = frozenset(params[name].split(",")) if name in params else frozenset[str]()
    if unknown := sorted(values - known):
        message = f"The `{name}` query parameter value [{unknown[0]}] is not one of [{','.join(sorted(known))}]"
        raise WordError(message, name)
    return values
