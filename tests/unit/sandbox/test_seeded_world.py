"""The seeded world: the same for the same seed, monotone, and statistically what its parameters say."""

import math
import statistics
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from sandbox.world import texts
from sandbox.world.effects import EngagementLaw
from sandbox.world.growth import GrowthCurve
from sandbox.world.model import DAY_MS, HOUR_MS, Post, to_datetime, to_ms
from sandbox.world.outcomes import outcome
from sandbox.world.parameters import WorldParameters
from sandbox.world.residents import residents
from sandbox.world.seeded import SeededWorld

START = to_ms(datetime(2026, 5, 30, 6, tzinfo=UTC))


@pytest.fixture(scope="module")
def world() -> SeededWorld:
    return SeededWorld(7, START)


def everything(world: SeededWorld, until: int = START) -> list[Post]:
    return [post for account in world.accounts for post in world.posts(account, until)]


def test_the_same_seed_gives_the_same_world_in_any_order_of_asking(world: SeededWorld) -> None:
    other = SeededWorld(7, START)
    later = START + 20 * DAY_MS
    for account in reversed(other.accounts):
        other.posts(account, later)
        other.followers(account, later)
    for account in world.accounts:
        assert other.posts(account, START) == world.posts(account, START)
        assert other.followers(account, START) == world.followers(account, START)
    for post in everything(world)[::17]:
        assert other.counts(post, START) == world.counts(post, START)
        assert other.comments(post, START) == world.comments(post, START)


def test_another_seed_gives_another_world(world: SeededWorld) -> None:
    other = SeededWorld(8, START)
    assert {post.text for post in everything(other)} != {post.text for post in everything(world)}


def test_history_spans_ninety_days_at_about_the_documented_rate(world: SeededWorld) -> None:
    for resident in residents():
        posts = world.posts(resident.account, START)
        times = [post.created_ms for post in posts]
        assert times == sorted(times)
        assert START - 90 * DAY_MS <= times[0] < START - 85 * DAY_MS
        assert times[-1] <= START
        expected = resident.rate * (90 - len(resident.pause_days)) * (5 + 2 * 0.75) / 7
        assert abs(len(posts) - expected) < 0.2 * expected


def test_posting_is_as_regular_as_a_brand(world: SeededWorld) -> None:
    ratios = []
    for account in world.accounts:
        zone = ZoneInfo(account.time_zone)
        posts = world.posts(account, START)
        per_day = Counter(to_datetime(post.created_ms).astimezone(zone).date() for post in posts)
        weekdays = [
            per_day[to_datetime(START - back * DAY_MS).astimezone(zone).date()]
            for back in range(2, 88)
            if to_datetime(START - back * DAY_MS).astimezone(zone).weekday() < 5
        ]
        ratios.append(statistics.variance(weekdays) / statistics.mean(weekdays))
    assert 0.3 < statistics.median(ratios) < 0.9, "sub-Poisson, as measured on brands"
    minutes = Counter(to_datetime(post.created_ms).minute for post in everything(world))
    total = sum(minutes.values())
    assert 0.12 < minutes[0] / total < 0.22
    assert 0.35 < sum(count for minute, count in minutes.items() if minute % 5 == 0) / total < 0.60


def test_the_paused_account_is_silent_during_its_pause(world: SeededWorld) -> None:
    paused = next(resident for resident in residents() if resident.pause_days)
    gaps = [later.created_ms - earlier.created_ms for earlier, later in pairwise(world.posts(paused.account, START))]
    assert max(gaps) > (len(paused.pause_days) - 1) * DAY_MS


def test_brands_go_on_posting_by_hand_less_often_and_rivals_as_before(world: SeededWorld) -> None:
    later = START + 90 * DAY_MS
    for resident in residents():
        before = len(world.posts(resident.account, START)) + len(resident.pause_days) * resident.rate
        after = len(world.posts(resident.account, later)) - len(world.posts(resident.account, START))
        assert after / before == pytest.approx(resident.hand_posting_after_start, abs=0.22)


def test_texts_are_varied_in_the_clients_language_and_within_the_networks_limits(world: SeededWorld) -> None:
    own_words = {
        "en": {"the", "and", "for"},
        "es": {"de", "con", "para", "los", "el"},
        "pt": {"de", "da", "na", "pra", "do"},
    }
    for account in world.accounts:
        posts = world.posts(account, START)
        assert len({post.text for post in posts}) > 0.97 * len(posts)
        words = {word for post in posts for word in post.text.lower().split()}
        assert own_words[account.language] <= words
        for post in posts:
            assert "{" not in post.text
            limit = 300 if account.network == "bluesky" else 2200
            assert 15 < len(post.text) <= limit


def test_every_template_can_be_filled() -> None:
    import random

    for sector in ("coffee", "cocina", "surf"):
        for pillar in texts.pillars(sector):
            for seed in range(120):
                text = texts.brand_post(
                    sector, pillar, "instagram", "The Brand", is_occasion=seed % 3 == 0, rng=random.Random(seed)
                )
                assert "{" not in text
                assert seed % 3 or texts.traits(text, sector).is_occasion, f"an occasion reads like one: {text}"
    for language in ("en", "es", "pt"):
        for kind in ("question", "compliment", "complaint", "spam", "chatter"):
            assert all(texts.comment(language, kind, "The Brand", random.Random(seed)) for seed in range(40))


def test_the_theme_of_most_texts_can_be_read_from_their_words(world: SeededWorld) -> None:
    sectors = {resident.account.native_id: resident.sector for resident in residents()}
    posts = [post for post in everything(world) if not post.is_occasion]
    right = sum(texts.traits(post.text, sectors[post.account_id]).pillar == post.pillar for post in posts)
    assert right / len(posts) > 0.7


def test_counts_never_fall_and_never_exceed_the_outcome(world: SeededWorld) -> None:
    for post in everything(world)[::9]:
        final = world.outcome(post)
        previous: dict[str, int] = {}
        for hours in (0, 0.25, 1, 3, 6, 12, 24, 48, 72, 168, 1000, 5000):
            counts = dict(world.counts(post, post.created_ms + round(hours * HOUR_MS)))
            assert all(counts[metric] >= value for metric, value in previous.items())
            assert counts["likes"] <= final.likes
            assert counts["comments"] == len(world.comments(post, post.created_ms + round(hours * HOUR_MS)))
            previous = counts
        assert world.counts(post, post.created_ms)["likes"] == 0
    instagram = next(post for post in everything(world) if post.network == "instagram")
    assert set(world.counts(instagram, START)) == {"likes", "comments", "shares", "saves", "reach", "views"}
    bluesky = next(post for post in everything(world) if post.network == "bluesky")
    assert set(world.counts(bluesky, START)) == {"likes", "comments", "shares", "saves", "quotes"}


def test_growth_follows_the_documented_curve() -> None:
    curve = GrowthCurve(9.1, 0.51)
    measured = {1: 0.28, 3: 0.43, 6: 0.55, 12: 0.68, 24: 0.81, 48: 0.90}
    for hours, fraction in measured.items():
        assert curve.fraction(hours) == pytest.approx(fraction, abs=0.02)
        assert curve.age_at(curve.fraction(hours)) == pytest.approx(hours)
    assert curve.fraction(0) == curve.fraction(-5) == 0
    assert curve.count(100, 1e9) == 100


def test_engagement_has_the_documented_noise_tails_and_composition(world: SeededWorld) -> None:
    deviations, totals, comment_shares = [], [], []
    for account in world.accounts:
        outcomes = [world.outcome(post) for post in world.posts(account, START)]
        logs = [math.log1p(item.interactions) for item in outcomes]
        deviations.append(statistics.stdev(logs))
        middle = statistics.median(item.interactions for item in outcomes)
        totals += [item.interactions / middle for item in outcomes]
        comment_shares += [
            item.comments / item.interactions for item in outcomes if item.reach is not None and item.interactions > 50
        ]
    assert 0.85 < statistics.median(deviations) < 1.3
    assert 0.06 < sum(ratio > 5 for ratio in totals) / len(totals) < 0.14
    assert 0.005 < sum(ratio > 10 for ratio in totals) / len(totals) < 0.06
    assert 0.03 < statistics.median(comment_shares) < 0.06
    for post in everything(world)[::23]:
        final = world.outcome(post)
        if final.reach is not None:
            assert final.views >= final.reach > final.interactions


def test_virality_does_not_repeat(world: SeededWorld) -> None:
    after_hit, all_posts = [], []
    for account in world.accounts:
        totals = [world.outcome(post).interactions for post in world.posts(account, START)]
        middle = statistics.median(totals)
        all_posts += [total > 2 * middle for total in totals]
        after_hit += [later > 2 * middle for earlier, later in pairwise(totals) if earlier > 5 * middle]
    assert statistics.mean(after_hit) - statistics.mean(all_posts) < 0.2


def test_the_laws_terms_have_their_documented_sizes(world: SeededWorld) -> None:
    parameters = WorldParameters()
    terms = [world.truth(post)["terms"] for post in everything(world)]
    for name, size in (
        ("hour_of_week", parameters.hour_of_week_sd),
        ("account_hour", parameters.account_hour_sd),
        ("pillar", parameters.pillar_sd),
        ("format", parameters.format_sd),
        ("words", parameters.word_sd),
    ):
        assert 0.6 * size < statistics.pstdev(term[name] for term in terms) < 1.5 * size, name
    truth = world.truth(everything(world)[0])
    assert truth["expected_log_engagement"] == pytest.approx(sum(truth["terms"].values()))


def test_better_choices_pay_off_by_what_the_law_says() -> None:
    """A policy that knows the account's best theme and asks a question earns more than one that does not."""
    parameters, resident = WorldParameters(), residents()[0]
    law = EngagementLaw(parameters, 7, resident, START)
    themes = texts.pillars(resident.sector)

    def post(pillar: str, text: str, index: int) -> Post:  # all at one moment: the level is not what is compared
        return Post(
            f"178{index:014d}",
            "instagram",
            resident.account.native_id,
            text,
            START,
            "image",
            1,
            "api",
            pillar=pillar,
        )

    by_theme = {theme: law.terms(post(theme, "x" * 200, 1))["pillar"] for theme in themes}
    best, worst = max(by_theme, key=by_theme.__getitem__), min(by_theme, key=by_theme.__getitem__)
    assert by_theme[best] - by_theme[worst] > 0.1
    good = [outcome(parameters, 7, law, post(best, f"What do you think of {i}?", i)).interactions for i in range(400)]
    bad = [
        outcome(parameters, 7, law, post(worst, f"See https://example.test/{i} now", 1000 + i)).interactions
        for i in range(400)
    ]
    assert statistics.mean(map(math.log1p, good)) > statistics.mean(map(math.log1p, bad)) + 0.2


def test_a_ranking_change_leaves_the_past_as_it_was_and_draws_tastes_anew(world: SeededWorld) -> None:
    constants = WorldParameters(ranking_change_day=10)
    changed, moment = SeededWorld(7, START, constants), START + 10 * DAY_MS
    posts = everything(world, START + 60 * DAY_MS)
    assert everything(changed, START + 60 * DAY_MS) == posts, "who posts what is the same"

    before = [post for post in posts if post.created_ms < moment]
    assert [changed.counts(post, START) for post in before] == [world.counts(post, START) for post in before]

    after = [(world.truth(post)["terms"], changed.truth(post)["terms"]) for post in posts if post.created_ms >= moment]
    assert {new["ranking_change"] for _, new in after} == {constants.ranking_change_level}
    for taste in ("format", "pillar"):
        old, new = ([terms[at][taste] for terms in after] for at in (0, 1))
        assert statistics.pstdev(new) > 1.5 * statistics.pstdev(old), (
            "as much stronger as is said, in a sample of accounts"
        )
        assert abs(statistics.correlation(old, new)) < 0.5, "what worked says little of what works"
    unmoved = set(after[0][0]) - {"ranking_change", "format", "pillar"}
    assert all(old[name] == new[name] for old, new in after for name in unmoved)


def test_posts_over_the_wire_follow_the_same_law_as_history(world: SeededWorld) -> None:
    account = world.accounts[0]
    past = world.posts(account, START)[40]
    same = replace(past, origin="api")
    assert world.truth(same) == world.truth(past)
    renamed = replace(past, native_id="17800000000000001", origin="api")
    assert world.truth(renamed)["expected_log_engagement"] == world.truth(past)["expected_log_engagement"]
    assert world.outcome(renamed) != world.outcome(past), "the residual belongs to the post's id"


def test_residuals_have_the_accounts_own_sd() -> None:
    parameters, resident = WorldParameters(), residents()[0]
    law = EngagementLaw(parameters, 7, resident, START)
    drawn = [law.residual(Post(f"id-{index}", "instagram", "a", "", START, "image", 1, "api")) for index in range(6000)]
    assert statistics.mean(drawn) == pytest.approx(0, abs=0.05)
    assert statistics.pstdev(drawn) == pytest.approx(law.residual_sd, rel=0.06)
    assert max(drawn) > 4 * law.residual_sd, "heavy tails"


def test_followers_grow_slowly(world: SeededWorld) -> None:
    for account in world.accounts:
        before, after = world.followers(account, START - 30 * DAY_MS), world.followers(account, START)
        assert before is not None
        assert after is not None
        assert -0.01 < math.log(after / before) / 30 < 0.01
        assert world.new_followers(account, START - 30 * DAY_MS, START) >= after - before
        hourly = [world.followers(account, START + hour * HOUR_MS) for hour in range(24)]
        assert max(map(abs, (b - a for a, b in pairwise(hourly)))) < 0.01 * after


def test_comments_have_the_documented_mix_and_recurring_authors(world: SeededWorld) -> None:
    found = [comment for post in everything(world) for comment in world.comments(post, START)]
    kinds = Counter(comment.kind for comment in found)
    parameters = WorldParameters()
    for kind, share in (
        ("question", parameters.comment_questions),
        ("compliment", parameters.comment_compliments),
        ("complaint", parameters.comment_complaints),
        ("spam", parameters.comment_spam),
    ):
        assert kinds[kind] / len(found) == pytest.approx(share, abs=0.02)
    assert len({comment.native_id for comment in found}) == len(found)
    assert max(Counter(comment.author_id for comment in found).values()) > 5


def test_every_parameter_is_described() -> None:
    assert all(item["description"] for item in WorldParameters().describe().values())
