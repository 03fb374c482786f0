"""What a row must be to enter bronze, table by table.

Rules name their expectation: importing Great Expectations takes seconds, and only who looks at rows (`boundary.py`) needs it.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from assets.checks.boundary import Rule
from contracts.metrics import MetricGrain, known_metrics
from contracts.tables import (
    ACCOUNT_METRICS,
    ACCOUNTS,
    COMMENTS,
    COMPETITOR_POSTS,
    MESSAGES,
    POST_METRICS,
    POSTS,
    TableSpec,
)

FIRST_POST_EVER = datetime(2004, 2, 4, tzinfo=UTC)

NETWORK = "the network's or the export's problem"
CONNECTOR = "the connector's problem"


def _no_nulls(column: str) -> Rule:
    return Rule(
        f"{column}_not_null",
        "ExpectColumnValuesToNotBeNull",
        {"column": column},
        CONNECTOR,
        f"a row without {column} cannot be placed; look at its raw payload and mend the mapping",
    )


def _not_negative(column: str) -> Rule:
    return Rule(
        f"{column}_not_negative",
        "ExpectColumnValuesToBeBetween",
        {"column": column, "min_value": 0},
        NETWORK,
        f"a negative {column} is no count; correct it at its source and import again, or leave it out",
    )


def _not_before_networks(column: str) -> Rule:
    return Rule(
        f"{column}_plausible",
        "ExpectColumnValuesToBeBetween",
        {"column": column, "min_value": FIRST_POST_EVER},
        NETWORK,
        f"{column} lies before the first social network; correct the date at its source",
    )


def _not_after_observation(column: str) -> Rule:
    return Rule(
        f"{column}_not_after_observation",
        "ExpectColumnPairValuesAToBeGreaterThanB",
        {
            "column_A": "observed_at",
            "column_B": column,
            "or_equal": True,
            "ignore_row_if": "either_value_is_missing",  # that one is missing is another rule's matter
        },
        NETWORK,
        f"{column} lies after the moment of observation; check the clock or the date at its source",
    )


def _under_contract(grain: MetricGrain) -> Rule:
    return Rule(
        "metric_known",
        "ExpectColumnValuesToBeInSet",
        {"column": "metric", "value_set": list(known_metrics(grain))},
        CONNECTOR,
        "a metric without a contract has no meaning in gold; add it to the metric contracts or drop it in the mapping",
    )


def _posts() -> list[Rule]:
    return [
        *(_no_nulls(c) for c in ("post_id", "account_id", "client_id", "published_at", "text")),
        _not_before_networks("published_at"),
        _not_after_observation("published_at"),
    ]


def _post_metrics() -> list[Rule]:
    return [
        *(_no_nulls(c) for c in ("post_id", "metric", "value")),
        _not_negative("value"),
        _under_contract(MetricGrain.POST),
    ]


def _accounts() -> list[Rule]:
    return [_no_nulls("account_id"), _no_nulls("client_id"), _not_negative("followers")]


def _account_metrics() -> list[Rule]:
    return [
        *(_no_nulls(c) for c in ("account_id", "metric", "day", "value")),
        _not_negative("value"),
        _under_contract(MetricGrain.ACCOUNT_DAY),
    ]


def _comments() -> list[Rule]:
    return [
        *(_no_nulls(c) for c in ("comment_id", "post_id", "text", "commented_at")),
        _not_before_networks("commented_at"),
        _not_after_observation("commented_at"),
    ]


def _messages() -> list[Rule]:
    return [
        *(_no_nulls(c) for c in ("message_id", "conversation_id", "account_id", "sent_at")),
        _not_before_networks("sent_at"),
        _not_after_observation("sent_at"),
    ]


def _competitor_posts() -> list[Rule]:
    return [
        *(_no_nulls(c) for c in ("competitor_post_id", "competitor_id", "published_at")),
        _not_before_networks("published_at"),
        _not_after_observation("published_at"),
        _not_negative("likes"),
        _not_negative("comments"),
    ]


_RULES: dict[str, Callable[[], list[Rule]]] = {
    POSTS.key: _posts,
    POST_METRICS.key: _post_metrics,
    ACCOUNTS.key: _accounts,
    ACCOUNT_METRICS.key: _account_metrics,
    COMMENTS.key: _comments,
    MESSAGES.key: _messages,
    COMPETITOR_POSTS.key: _competitor_posts,
}


def rules_for(table: TableSpec) -> list[Rule]:
    """The rules of a bronze table. Raises KeyError for a table without a boundary."""
    return _RULES[table.key]()
