"""The pages as Streamlit runs them: with data, without, in both languages, and what a strategist may do on them."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from apps.media_tools import local_mender
from apps.streamlit.data import ClientData
from apps.streamlit.language import LANGUAGES, load_language
from contracts.clock import FixedClock
from contracts.networks import ContentFormat, Network
from contracts.records import Account, AccountTerms, Board, Media
from contracts.scope import TenantScope
from contracts.settings import Settings
from operations import ItemState, SqlStore, open_store, set_up
from policy import LIMITS
from providers.media import LocalMedia
from tests.unit.app.demo_alerts import TAKEN_UP
from tests.unit.app.demo_home import ITEMS, NOW
from tests.unit.app.running_app import open_page, start_app, words_of
from tests.unit.app.test_dagster_record import judge, strange

PAGES = {
    "overview": "overview",
    "goals": "goals",
    "content_performance": "content",
    "content_mix": "mix",
    "post_growth": "growth",
    "audience": "audience",
    "alerts_and_trends": "alerts",
    "calendar": "calendar",
    "forecast_scoreboard": "forecasts",
    "models": "models",
    "data_health": "health",
}
SCOPE = TenantScope.of("harbor-coffee")


def _store(settings: Settings) -> SqlStore:
    return open_store(settings, clock=FixedClock(NOW))


def _state(settings: Settings, content_item_id: str) -> ItemState:
    with _store(settings) as store:
        return store.item(SCOPE, content_item_id).state


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_a_clients_data_in_both_languages(at: AppTest, page: str, code: str) -> None:
    at.session_state["language"] = code
    open_page(at, page)
    text = load_language(code)
    assert at.title[0].value == text(f"{PAGES[page]}.title")
    empties = {text.strings[key] for key in text.strings if key.endswith(".remedy")}
    shown = [element.value for element in at.markdown if element.value in empties]
    assert shown == [], "with data there is no empty state"


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_a_client_without_data_says_what_to_do(
    page: str, code: str, tmp_path: Path, demo_home: Settings, demo_clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = Settings(home=tmp_path / "new")
    empty.home.mkdir()
    set_up(empty)
    with _store(demo_home) as filled, _store(empty) as store:
        for client in filled.clients(SCOPE):
            store.save_client(client, actor="test")
    app = start_app(empty.home, demo_clock, monkeypatch)
    app.session_state["language"] = code
    open_page(app, page)
    remedies = {key: words for key, words in load_language(code).strings.items() if key.endswith(".remedy")}
    assert any(words.format(hours=72) in words_of(app) for words in remedies.values())
    assert "make run" in words_of(app)


def test_a_folder_without_a_store_is_left_as_it_is(
    tmp_path: Path, demo_clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page(start_app(tmp_path, demo_clock, monkeypatch), "overview")
    assert app.title[0].value == load_language("en")("app.welcome")
    assert app.code[0].value == "make run"
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_another_schema_is_named_not_crashed_on(
    tmp_path: Path, demo_clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store.db").write_bytes(b"")
    app = start_app(tmp_path, demo_clock, monkeypatch)
    app.run()
    assert not app.exception
    assert len(app.error) == 1


def test_a_silent_clock_is_said_and_the_last_reading_stands_in(
    demo_home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page(start_app(demo_home.home, "http://127.0.0.1:9", monkeypatch), "overview")
    assert app.warning[0].value == load_language("en")("app.clock_stale")
    assert "May 27" in app.caption[1].value or "May 27" in words_of(app)


def test_choosing_a_client_changes_what_every_page_shows(at: AppTest) -> None:
    open_page(at, "calendar")
    assert ITEMS.to_approve in str([button.key for button in at.button])
    at.selectbox(key="client").set_value("verde-cocina").run()
    assert not at.exception
    keys = str([button.key for button in at.button])
    assert "verde-draft" in keys
    assert ITEMS.to_approve not in keys


def test_overview_compares_the_last_complete_week_and_lists_what_waits(at: AppTest) -> None:
    open_page(at, "overview")
    labels = [metric.label for metric in at.metric]
    assert labels[:2] == ["Followers", "Posts published"]
    assert "Engagement rate by reach" in labels
    assert any("May 18" in heading.value for heading in at.subheader)
    assert any("post needs your decision" in link.label for link in at.page_link)


def test_an_open_alert_says_what_to_do_and_is_its_clients_alone(at: AppTest) -> None:
    text = load_language("en")
    open_page(at, "alerts_and_trends")
    assert text("alerts.kind.negativity") in words_of(at)
    assert text("alerts.todo.negativity") in words_of(at)
    assert text("alerts.calm") not in words_of(at)
    earlier, trends = (next(f.value for f in at.dataframe if column in f.value) for column in ("severity", "term"))
    assert any(text("metric.reach") in what for what in earlier["what"])
    assert trends["term"].to_list() == [f"#{TAKEN_UP}"]
    assert trends["own_posts"].to_list() == [0]
    at.selectbox(key="client").set_value("verde-cocina").run()
    assert not at.exception
    assert text("alerts.calm") in words_of(at)
    assert text("trends.no_rivals.title") in words_of(at)
    assert not at.dataframe


def test_an_unknown_engagement_rate_is_never_just_engagement_rate(at: AppTest) -> None:
    open_page(at, "content_performance")
    (table,) = [frame for frame in at.dataframe if "against_usual" in frame.value]
    rates = [name for name in table.value if name.startswith("engagement_rate")]
    assert rates == ["engagement_rate_by_reach"]


def test_filters_narrow_the_posts_and_an_empty_choice_says_so(at: AppTest) -> None:
    open_page(at, "content_performance")
    before = len(at.dataframe[0].value)
    at.toggle(key="content_pulso").set_value(True).run()
    assert len(at.dataframe[0].value) == 1 < before
    at.toggle(key="content_final").set_value(True).run()
    assert not at.exception
    assert load_language("en")("content.nothing_matches.remedy") in words_of(at)


def _open_item(app: AppTest, content_item_id: str) -> AppTest:
    open_page(app, "calendar")
    app.button(key=f"open-{content_item_id}").click().run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def test_a_draft_is_approved_with_the_readers_name(at: AppTest, demo_home: Settings) -> None:
    _open_item(at, ITEMS.to_approve)
    at.button(key="approve").click().run()
    assert not at.exception
    with _store(demo_home) as store:
        view = store.item(SCOPE, ITEMS.to_approve)
    assert view.state is ItemState.APPROVED
    assert view.approval is not None
    assert view.approval.actor == "Ana"
    assert view.intent_id is not None


def test_the_text_is_counted_as_its_network_counts_it(at: AppTest, demo_home: Settings) -> None:
    _open_item(at, ITEMS.to_approve)
    with _store(demo_home) as store:
        item = store.item(SCOPE, ITEMS.to_approve).item
    (limit, *_) = LIMITS[item.network].text
    network = load_language("en")(f"network.{item.network.value}")
    assert f"{limit.measure.count(item.text)} of {limit.most:,}, as {network} counts" in words_of(at)
    at.text_area[0].set_value("é" * (limit.most + 1)).run()
    assert not at.exception
    assert f":red[{limit.most + 1:,} of {limit.most:,}, as {network} counts]" in words_of(at)


def test_without_a_name_nothing_can_be_done(at: AppTest, demo_home: Settings) -> None:
    at.session_state["actor"] = "  "
    _open_item(at, ITEMS.to_approve)
    assert at.button(key="approve").disabled
    assert load_language("en")("app.name_needed") in words_of(at)


def test_what_a_guardrail_blocks_cannot_be_approved_until_it_is_mended(at: AppTest, demo_home: Settings) -> None:
    _open_item(at, ITEMS.blocked)
    assert at.button(key="approve").disabled
    assert "Banned word" in words_of(at)
    at.text_area[0].set_value("A cold brew: fourteen hours in the fridge and nothing else.").run()
    assert "Banned word" not in words_of(at)
    at.button(key="save").click().run()
    assert not at.exception
    with _store(demo_home) as store:
        view = store.item(SCOPE, ITEMS.blocked)
    assert (view.item.revision, view.state) == (2, ItemState.DRAFT)
    assert view.item.text.startswith("A cold brew")
    assert "earlier text" in words_of(at), "the forecast is marked as outdated"
    at.button(key="approve").click().run()
    assert _state(demo_home, ITEMS.blocked) is ItemState.APPROVED


def test_a_draft_is_rejected_with_a_reason(at: AppTest, demo_home: Settings) -> None:
    _open_item(at, ITEMS.to_reject)
    at.text_input(key="reject-reason").set_value("not our tone").run()
    at.button(key="reject-confirm").click().run()
    with _store(demo_home) as store:
        view = store.item(SCOPE, ITEMS.to_reject)
    assert view.state is ItemState.REJECTED
    assert view.approval is not None
    assert (view.approval.actor, view.approval.reason) == ("Ana", "not our tone")


def test_a_slot_is_moved_in_the_clients_own_hours(at: AppTest, demo_home: Settings) -> None:
    from datetime import date, datetime, time
    from zoneinfo import ZoneInfo

    _open_item(at, ITEMS.to_approve)
    at.date_input(key="move-day").set_value(date(2026, 6, 3)).run()
    at.time_input(key="move-time").set_value(time(9, 30)).run()
    at.button(key="move-confirm").click().run()
    assert not at.exception
    with _store(demo_home) as store:
        view = store.item(SCOPE, ITEMS.to_approve)
    assert view.item.scheduled_at == datetime(2026, 6, 3, 9, 30, tzinfo=ZoneInfo("America/New_York"))
    assert view.is_slot_held


def test_a_missed_slot_can_be_moved_to_a_coming_day(demo_home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import date

    from tests.unit.app.demo_home import DemoClock

    clock = DemoClock(NOW + timedelta(days=3))
    app = _open_item(start_app(demo_home.home, clock.url, monkeypatch), ITEMS.approved)
    assert app.date_input(key="move-day").value == date(2026, 5, 30)
    assert "Slot missed" in words_of(app)
    clock.close()


def test_a_reply_is_shown_beside_the_comment_that_it_answers(at: AppTest) -> None:
    _open_item(at, ITEMS.reply)
    assert "Is the \\*Guji\\* back?" in words_of(at)


def test_posts_that_should_be_out_are_called_out(demo_home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.unit.app.demo_home import DemoClock

    clock = DemoClock(NOW + timedelta(days=3))
    app = open_page(start_app(demo_home.home, clock.url, monkeypatch), "overview")
    assert any("nothing is publishing" in link.label for link in app.page_link)
    clock.close()


def test_a_move_into_quiet_hours_is_warned_of(at: AppTest) -> None:
    from datetime import time

    _open_item(at, ITEMS.to_approve)
    at.time_input(key="move-time").set_value(time(23, 0)).run()
    assert "Quiet hours" in words_of(at)


def test_somebody_elses_faster_edit_is_not_approved_unseen(at: AppTest, demo_home: Settings) -> None:
    """The dialog's button acts on the revision that was read, and the page shows the newer one instead."""
    from apps.streamlit.desk import Desk

    with _store(demo_home) as store:
        (client,) = store.clients(SCOPE)
        desk = Desk(store, client, demo_home.home, local_mender(demo_home.home))
        seen = desk.item(ITEMS.to_approve)
        store.edit(ITEMS.to_approve, actor="Ben", revision=1, text="Something else.")
        with pytest.raises(Exception, match="changed meanwhile"):
            desk.approve(seen, actor="Ana")
    _open_item(at, ITEMS.to_approve)
    assert at.text_area[0].value == "Something else."


def test_the_emergency_stop_needs_a_reason_and_shows_on_every_page(at: AppTest, demo_home: Settings) -> None:
    open_page(at, "calendar")
    at.button(key="stop-confirm").click().run()
    with _store(demo_home) as store:
        assert store.stops(SCOPE) == ()
    at.text_input(key="stop-reason").set_value("wrong price online").run()
    at.button(key="stop-confirm").click().run()
    assert not at.exception
    with _store(demo_home) as store:
        (stop,) = store.stops(SCOPE)
    assert (stop.client_id, stop.actor, stop.reason) == ("harbor-coffee", "Ana", "wrong price online")
    assert any("wrong price online" in error.value for error in at.error)
    at.switch_page("views/data_health.py").run()
    assert any("wrong price online" in error.value for error in at.error)
    at.switch_page("views/calendar.py").run()
    at.button(key="resume-confirm-harbor-coffee").click().run()
    with _store(demo_home) as store:
        assert store.stops(SCOPE) == ()


def test_all_clients_can_be_stopped_at_once(at: AppTest, demo_home: Settings) -> None:
    open_page(at, "calendar")
    at.radio(key="stop-scope").set_value("all").run()
    at.text_input(key="stop-reason").set_value("a leak").run()
    at.button(key="stop-confirm").click().run()
    with _store(demo_home) as store:
        assert [stop.client_id for stop in store.stops(TenantScope.of("verde-cocina"))] == [None]


def test_a_parked_post_is_resolved_by_the_post_that_was_read(at: AppTest, demo_home: Settings) -> None:
    open_page(at, "calendar")
    assert load_language("en")("park.undecided") in words_of(at).replace("\\", "")
    at.button(key=f"resolve-{ITEMS.parked}").click().run()
    which = at.selectbox(key="park-which")
    found = next(index for index, option in enumerate(which.options) if "Saturday cupping" in option)
    which.select_index(found).run()
    at.button(key="park-live-confirm").click().run()
    assert not at.exception, [error.value for error in at.exception]
    assert _state(demo_home, ITEMS.parked) is ItemState.PUBLISHED


def test_a_post_of_pulso_that_the_ledger_does_not_link_yet_is_shown_once_with_its_outcome(
    at: AppTest, demo_home: Settings
) -> None:
    from lakehouse import DeltaLake

    lake = DeltaLake(demo_home.lake_path)
    rows = lake.scan("gold/fct_posts", scope=TenantScope.all_clients("a test")).collect()
    rows = rows.with_columns(pl.lit(None, pl.String).alias("content_item_id"))
    rows.write_delta(lake.path("gold/fct_posts"), mode="overwrite")
    open_page(at, "calendar")
    captions = [caption.value for caption in at.caption]
    assert "18 engagements so far" in captions
    assert not any("/900)" in caption for caption in captions), "it is not listed as the client's own besides"


def test_weeks_can_be_turned(at: AppTest) -> None:
    open_page(at, "calendar")
    assert any("May 25" in element.value for element in at.markdown)
    at.button(key="week-on").click().run()
    assert any("Jun 1" in element.value for element in at.markdown)
    assert load_language("en")("calendar.empty_week.remedy") in words_of(at)
    at.button(key="week-now").click().run()
    assert any("May 25" in element.value for element in at.markdown)


def _cards(app: AppTest) -> dict[str, str]:
    return {metric.label.split("] ")[-1]: metric.value for metric in app.metric}


def test_data_health_names_what_is_wrong(at: AppTest) -> None:
    open_page(at, "data_health")
    assert _cards(at) == {
        "Late sources": "0",
        "Strange days": "0",
        "Accounts with trouble": "0",
        "Rows kept out": "5",
        "Not going out": "1",
    }
    assert load_language("en")("health.none_unusual") in words_of(at)
    at.selectbox(key="client").set_value("verde-cocina").run()
    assert load_language("en")("health.account_unconnected") in words_of(at)


@pytest.mark.parametrize("code", LANGUAGES)
def test_data_health_says_which_source_is_late_whose_problem_it_is_and_what_to_do(at: AppTest, code: str) -> None:
    at.session_state["language"] = code
    text = load_language(code)
    open_page(at, "data_health")
    shown = at.dataframe[0].value
    assert set(shown["state"]) == {text("arrival.in_time")}
    assert text("source.post_metrics") in set(shown["source"])
    assert set(shown["accounts"]) == {"1 / 1"}
    assert not any(text("late.owner.refused") in element.value for element in at.markdown)

    at.selectbox(key="client").set_value("verde-cocina").run()

    assert _cards(at)[text("health.card_late")] == "6"
    late = [element.value for element in at.markdown if text("late.owner.refused") in element.value]
    assert len(late) == 6
    assert all(text("late.seen.refused") in line and text("late.remedy.refused") in line for line in late)
    assert {text("arrival.late"), text("arrival.overdue")} < set(at.dataframe[0].value["state"])


@pytest.mark.parametrize("code", LANGUAGES)
def test_data_health_shows_strange_days_with_a_chart(at: AppTest, demo_home: Settings, code: str) -> None:
    today = NOW.date()
    found = strange(day=today - timedelta(days=1))
    zeros = found.model_copy(
        update={"kind": "zeros", "metric": "likes", "is_share": True, "value": 1.0, "expected": 0.1}
    )
    old = strange(day=today - timedelta(days=8))
    judge(demo_home.home, posts=(found, old, strange(Network.X)), post_metrics=(zeros,))
    at.session_state["language"] = code
    text = load_language(code)

    open_page(at, "data_health")

    assert _cards(at)[text("health.card_unusual")] == "2", "not what is a week old, nor a network without an account"
    told = "\n".join(element.value for element in at.markdown)
    for day in (found, zeros):
        assert text(f"unusual.seen.{day.kind}") in told
        assert text(f"unusual.owner.{day.kind}") in told
        assert text(f"unusual.remedy.{day.kind}") in told
    assert text("unusual.multiple", value=text.times(0.4)) in told
    assert text("unusual.share", value=text.percent(1.0, digits=0), usual=text.percent(0.1, digits=0)) in told
    assert len(at.get("plotly_chart")) == 2


def test_data_health_shows_why_rows_were_kept_out(at: AppTest) -> None:
    open_page(at, "data_health")
    kept_out = next(frame.value for frame in at.dataframe if "rule" in frame.value.columns)
    assert kept_out["rows"].tolist() == [4, 1]
    assert kept_out["reason"].tolist() == ["a count below zero", "counted before it was published"]


def test_data_health_says_what_does_not_go_out_whose_problem_it_is_and_what_to_do(
    at: AppTest, demo_home: Settings
) -> None:
    with _store(demo_home) as store:
        (trouble,) = store.troubles(SCOPE)
    text = load_language("en")
    open_page(at, "data_health")
    row = next(element.value for element in at.markdown if text("trouble.kind.parked") in element.value)
    assert text(f"trouble.owner.{trouble.code}") in row
    assert text(f"trouble.remedy.{trouble.code}") in row
    at.button(key=f"open-trouble-{trouble.intent_id}").click().run()
    assert not at.exception
    assert at.title[0].value == text("calendar.title")
    assert at.button(key="park-drop-confirm").label == text("park.drop_confirm"), "the item is open"


def test_data_health_of_a_client_whose_posts_all_go_out_says_so(at: AppTest) -> None:
    open_page(at, "data_health")
    at.selectbox(key="client").set_value("verde-cocina").run()
    assert load_language("en")("health.no_troubles") in words_of(at)


LONG = "Our Huila lot comes from 31 small farms in Colombia, all above 1,700 metres. " * 6


def test_a_text_that_is_too_long_is_shown_as_a_thread_and_then_saved_for_another_approval(
    at: AppTest, demo_home: Settings
) -> None:
    text = load_language("en")
    _open_item(at, ITEMS.to_approve)
    assert not any(button.key == "mend" for button in at.button), "a text that fits has nothing to mend"
    at.text_area[0].set_value(LONG).run()
    at.button(key="mend").click().run()
    assert not at.exception
    words = words_of(at)
    assert "Split into a thread of 2 posts." in words
    assert text("item.part", number="2") in words
    with _store(demo_home) as store:
        assert store.item(SCOPE, ITEMS.to_approve).item.revision == 1, "showing saves nothing"
    at.button(key="mend-save").click().run()
    assert not at.exception
    with _store(demo_home) as store:
        view = store.item(SCOPE, ITEMS.to_approve)
        assert store.audit(SCOPE, subject_id=ITEMS.to_approve)[0].actor == "Ana"
    assert (view.item.revision, view.state, view.approval) == (2, ItemState.DRAFT, None)
    assert view.item.content_format is ContentFormat.THREAD
    assert " ".join((view.item.text, *view.item.options.thread)).split() == LONG.split()
    assert text("item.part", number="2") in words_of(at), "the thread is shown where the item is"
    assert not at.button(key="approve").disabled


def test_a_picture_that_its_network_refuses_is_refitted_and_shown(at: AppTest, demo_home: Settings) -> None:
    buffer = BytesIO()
    Image.new("RGB", (400, 900), "teal").save(buffer, "PNG")
    tall = LocalMedia(demo_home.home).save(buffer.getvalue(), alt_text="A cup")
    with _store(demo_home) as store:
        store.edit(ITEMS.to_reject, actor="Ana", revision=1, media=[tall])
    _open_item(at, ITEMS.to_reject)
    assert "Crop it to" in words_of(at), "what is wrong says what to change"
    at.button(key="mend").click().run()
    assert not at.exception
    assert "“A cup”\\: Cropped around its middle" in words_of(at), "called as people see it, not by its path"
    assert "Converted from PNG to JPEG" in words_of(at)
    at.button(key="mend-save").click().run()
    with _store(demo_home) as store:
        item = store.item(SCOPE, ITEMS.to_reject).item
    assert (item.media[0].mime_type, item.media[0].alt_text, item.revision) == ("image/jpeg", "A cup", 3)
    assert not any(button.key == "mend" for button in at.button)


def test_what_was_tried_for_an_earlier_text_is_not_saved(at: AppTest) -> None:
    _open_item(at, ITEMS.to_approve)
    at.text_area[0].set_value(LONG).run()
    at.button(key="mend").click().run()
    at.text_area[0].set_value(LONG + "And more.").run()
    assert not any(button.key == "mend-save" for button in at.button)


def test_a_file_that_is_missing_is_told_in_place_of_a_change(at: AppTest, demo_home: Settings) -> None:
    with _store(demo_home) as store:
        gone = (
            store.item(SCOPE, ITEMS.to_reject)
            .item.media[0]
            .model_copy(update={"path": "media/gone.png", "mime_type": "image/png"})
        )
        store.edit(ITEMS.to_reject, actor="Ana", revision=1, media=[gone])
    _open_item(at, ITEMS.to_reject)
    at.button(key="mend").click().run()
    assert "“A cup of filter coffee from above” cannot be read" in words_of(at)
    assert load_language("en")("mend.nothing") in words_of(at)
    assert not any(button.key == "mend-save" for button in at.button)


def test_a_film_without_ffmpeg_names_the_command_that_installs_it(
    at: AppTest, demo_home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = demo_home.media_path / "film.mp4"
    film.write_bytes(b"a film")
    media = Media(
        media_id="film",
        path="media/film.mp4",
        mime_type="video/mp4",
        alt_text="",
        width=720,
        height=720,
        size_bytes=6,
        sha256="0" * 64,
        duration_seconds=9_000.0,
    )
    with _store(demo_home) as store:
        store.edit(ITEMS.to_reject, actor="Ana", revision=1, media=[media], content_format=ContentFormat.VIDEO)
    _open_item(at, ITEMS.to_reject)
    monkeypatch.setenv("PATH", "")
    at.button(key="mend").click().run()
    assert not at.exception
    assert "apt-get install ffmpeg" in words_of(at)


def test_an_instance_s_own_limit_is_what_the_text_is_counted_against(at: AppTest, demo_home: Settings) -> None:
    harbor = Account(
        account_id="mastodon:1",
        client_id="harbor-coffee",
        network=Network.MASTODON,
        native_id="1",
        handle="harbor@example.org",
        base_url="http://127.0.0.1:9",
    )
    with _store(demo_home) as store:
        draft = store.item(SCOPE, ITEMS.to_approve).item
        store.save_account(harbor, actor="test")
        store.keep_terms(
            [AccountTerms(account_id="mastodon:1", configuration={"statuses": {"max_characters": 80}}, read_at=NOW)]
        )
        changes = {"content_item_id": "toot", "account_id": "mastodon:1", "network": Network.MASTODON}
        store.save_drafts([draft.model_copy(update=changes)])
    _open_item(at, "toot")
    assert "of 80, as Mastodon counts]" in words_of(at)
    assert "mastodon accepts 80" in words_of(at)


def test_the_board_of_an_account_is_chosen_where_the_accounts_are(at: AppTest, demo_home: Settings) -> None:
    pins = Account(
        account_id="pinterest:1",
        client_id="harbor-coffee",
        network=Network.PINTEREST,
        native_id="1",
        handle="harbor",
        base_url="http://127.0.0.1:9",
    )
    boards = (
        Board(board_id="1", name="Ideas", is_public=False),
        Board(board_id="2", name="Recipes", is_public=True),
        Board(board_id="3", name="Shop", is_public=True),
    )
    with _store(demo_home) as store:
        store.save_account(pins, actor="test")
        store.keep_terms([AccountTerms(account_id="pinterest:1", boards=boards, read_at=NOW)])
    open_page(at, "data_health")
    chooser = at.selectbox(key="board-pinterest:1")
    assert chooser.value == "2", "the first public one"
    chooser.set_value("3").run()
    assert not at.exception
    with _store(demo_home) as store:
        assert store.terms(SCOPE)["pinterest:1"].chosen_board_id == "3"
        assert store.audit(SCOPE, subject_id="pinterest:1")[0].actor == "Ana"


def test_models_say_what_the_champion_proved_here_and_what_became_of_each_round(at: AppTest) -> None:
    text = load_language("en")
    open_page(at, "models")
    assert "Version **3**" in words_of(at)
    assert at.success[0].value == text("models.it_holds", scored="40")
    saved = next(metric for metric in at.metric if metric.label == text("models.skill_here"))
    assert saved.value == "25%"
    rounds = at.dataframe[0].value
    assert rounds["state"][rounds["model_name"] == text("models.name_engagement")].to_list() == ["refused", "champion"]
    at.selectbox(key="client").set_value("verde-cocina").run()
    assert not at.exception
    day = text.day(NOW.date() - timedelta(days=2))
    assert text("models.alarm_decay_engagement", day=day) in at.warning[0].value


def test_models_say_the_same_of_the_model_that_follows_growing_posts(at: AppTest) -> None:
    text = load_language("en")
    open_page(at, "models")
    assert text("models.growing_champion", version="2", day=text.day((NOW - timedelta(days=40)).date())) in words_of(at)
    assert at.success[1].value == text("models.it_holds", scored="40")
    at.selectbox(key="client").set_value("verde-cocina").run()
    assert not at.exception
    day = text.day(NOW.date() - timedelta(days=2))
    assert text("models.alarm_decay_popularity", day=day) in at.warning[1].value


def test_models_say_what_a_model_of_growing_posts_waits_for(at: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    every = ClientData.model_versions
    monkeypatch.setattr(ClientData, "model_versions", lambda data: every(data).filter(model_name="engagement"))
    open_page(at, "models")
    assert load_language("en")("models.no_growing.title") in words_of(at)
    assert len(at.success) == 1


def test_a_post_without_words_is_shown_by_the_headline_of_what_it_links_to(at: AppTest) -> None:
    open_page(at, "content_performance")
    posts = at.dataframe[-1].value
    links = posts[posts["content_format"] == load_language("en")("format.link")]
    assert len(links)
    assert (links["text"].str.len() > 10).all()
