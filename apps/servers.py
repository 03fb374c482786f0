"""The servers that a home's settings name, asked before anything runs: each is there, and can do what is needed of it.

Belongs here: one question a server, and what to do when the answer is no. Does not belong here: whether settings fit each other
(contracts/settings.py), what is kept on a server.
"""

from importlib.util import find_spec

from pydantic import SecretStr
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from contracts.errors import ProviderError, PulsoError
from contracts.settings import CONNECT_TIMEOUT_SECONDS, Settings


def check_servers(settings: Settings) -> None:
    """Raises ProviderError naming the setting of a server that does not answer, PulsoError for one that can't be used. Asks nothing
    where no server is set."""
    if settings.dagster_url is not None and find_spec("dagster_postgres") is None:
        raise PulsoError("PULSO_DAGSTER_URL needs more packages: pip install 'pulso[production]'.")
    for name in ("store_url", "dagster_url", "mlflow_url"):
        url: SecretStr | None = getattr(settings, name)
        if url is not None and not url.get_secret_value().startswith("sqlite:"):
            _ask_postgresql(f"PULSO_{name.upper()}", url.get_secret_value())
    if settings.online_features_url is not None:
        _ask_redis(settings.online_features_url.get_secret_value())
    if settings.lake_url is not None:
        from lakehouse.places import Bucket, place_of

        place = place_of(settings)
        assert isinstance(place, Bucket)
        place.check()


def _ask_postgresql(setting: str, url: str) -> None:
    engine = create_engine(url, connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS})
    try:
        engine.connect().close()
    except OperationalError as error:
        raise ProviderError(f"The database of {setting} does not answer: {str(error.orig).strip()}") from error
    finally:
        engine.dispose()


def _ask_redis(url: str) -> None:
    import redis

    wait = CONNECT_TIMEOUT_SECONDS
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=wait, socket_timeout=wait) as client:
            client.ping()
    except redis.RedisError as error:
        raise ProviderError(f"The Redis of PULSO_ONLINE_FEATURES_URL does not answer: {error}") from error
