"""Every recorded exchange with LinkedIn goes through the connector, and what comes out is what the file says."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.records import Account
from platforms.linkedin.client import LinkedInConnector, LinkedInDialect
from platforms.linkedin.mapping import counts_in
from platforms.linkedin.models import Page, Statistics

DAY = date(2026, 5, 30)

NOT_USED: dict[str, str] = {}
"""File -> why its answer cannot be put through the connector."""


class Recorded:
    """One exchange, answered where the connector asks for its endpoint. Anything else it asks gets an empty answer."""

    def __init__(self, path: Path) -> None:
        exchange = json.loads(path.read_text())
        self.request, self.answer = exchange["request"], exchange["response"]
        self.body: Any = self.answer["body"]
        self.endpoint = self.request["path"].split("/")[2]
        self.is_asked = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method != self.request["method"] or request.url.path.split("/")[2] != self.endpoint:
            return httpx.Response(200, json={})
        self.is_asked = True
        return httpx.Response(self.answer["status"], json=self.body)


@pytest.fixture
def through(exchange, tokens, media) -> Callable[..., Any]:
    """A connector to which a recorded file answers, its account, and the file."""

    def build(path: Path) -> tuple[LinkedInConnector, Account, Recorded]:
        recorded = Recorded(path)
        account = Account(
            account_id="linkedin:90362860",
            client_id="harbor",
            network=Network.LINKEDIN,
            native_id="90362860",
            handle="harbor",
            base_url="https://li.example",
        )
        return LinkedInConnector(exchange(recorded).transport(LinkedInDialect(), tokens), media), account, recorded

    return build


async def check_profile(connector, account, recorded, request_of):
    snapshot = await connector.profile(account)
    body = recorded.body
    assert snapshot.native_id == account.native_id == str(body.get("id", account.native_id))
    assert snapshot.handle == body.get("vanityName", account.handle)
    assert snapshot.display_name == body.get("localizedName")
    assert json.loads(snapshot.raw)["organization"] == body


async def check_followers(connector, account, recorded, request_of):
    snapshot = await connector.profile(account)
    assert snapshot.followers == recorded.body["firstDegreeSize"]


async def check_lifetime_statistics(connector, account, recorded, request_of):
    """What is said of all time is of no day: read, and no row made of it."""
    assert await connector.account_metrics(account, start=DAY, end=DAY) == ()
    for raw in Page.model_validate(recorded.body).elements:
        read = Statistics.model_validate(raw)
        said = raw.get("totalShareStatistics", {})
        names = {"impressions": "impressionCount", "reach": "uniqueImpressionsCount", "clicks": "clickCount"}
        names |= {"likes": "likeCount", "comments": "commentCount", "shares": "shareCount"}
        assert dict(counts_in(read.share_statistics)) == {ours: said[n] for ours, n in names.items() if n in said}
        assert read.time_range.start is None
        assert read.post_urn is None


async def refusal_of_a_post(connector, account, request_of) -> NetworkError:
    request = request_of(account)
    staging = await connector.stage(request, connector.prepare(request))
    with pytest.raises(NetworkError) as caught:
        await connector.commit(request, staging)
    return caught.value


async def check_invalid_post(connector, account, recorded, request_of):
    error = await refusal_of_a_post(connector, account, request_of)
    assert (error.error_class, error.status) == (ErrorClass.INVALID, recorded.answer["status"])
    assert error.message == recorded.body["message"]


async def check_revoked_token(connector, account, recorded, request_of):
    error = await refusal_of_a_post(connector, account, request_of)
    assert (error.error_class, error.code) == (ErrorClass.AUTH, str(recorded.body["serviceErrorCode"]))
    assert error.message == recorded.body["message"]


CHECKS = {
    "manual_01_organization_lookup": check_profile,
    "manual_02_follower_statistics_lifetime": check_lifetime_statistics,
    "manual_03_share_statistics_lifetime": check_lifetime_statistics,
    "manual_04_network_sizes": check_followers,
    "manual_06_err_422_validation": check_invalid_post,
    "manual_09_err_401_revoked": check_revoked_token,
    "manual_21_LinkedIn_Lookup_by_Organization_Primary_Type": check_profile,
}


@pytest.mark.reference_data
@pytest.mark.parametrize("name", CHECKS)
async def test_recorded(name, through, request_of, recorded_exchanges):
    connector, account, recorded = through(recorded_exchanges / "linkedin" / f"{name}.json")
    await CHECKS[name](connector, account, recorded, request_of)
    assert recorded.is_asked


@pytest.mark.reference_data
def test_every_file_is_used_or_has_a_reason(recorded_exchanges):
    files = {path.stem for path in (recorded_exchanges / "linkedin").glob("*.json")}
    assert files == set(CHECKS) | set(NOT_USED)
    assert not set(CHECKS) & set(NOT_USED)
    assert len(CHECKS) >= 0.9 * len(files)
