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
    features=[account_history[LEVEL], post_history[["history_format_effect", "history_weekday_effect"]]],
    description="All that the estimate of hour effects reads of an account's past but the likeness of texts, which needs the texts.",
)

SERVICES = {service.name: service for service in (engagement, posting_time)}
DEFINITIONS = [client, account, account_history, post_history, *SERVICES.values()]
"""Everything that the registry holds."""
