"""Which features each model reads from the store."""

from feast import FeatureService

from feature_repo.entities import account, client
from feature_repo.views import LEVEL, account_history, post_history

engagement = FeatureService(
    name="engagement",
    features=[account_history[LEVEL], post_history],
    description="All that the engagement model reads of an account's past but the likeness of texts, which needs the texts.",
)
posting_time = FeatureService(
    name="posting_time",
    features=[account_history[["history_median_30"]], post_history[["history_format_effect"]]],
    description="What a post's outcome is measured against when the effect of its hour is estimated.",
)

SERVICES = {service.name: service for service in (engagement, posting_time)}
DEFINITIONS = [client, account, account_history, post_history, *SERVICES.values()]
"""Everything that the registry holds."""
