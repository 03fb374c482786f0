"""Tables of real posts: every row is used or refused with a reason, whatever the file looks like."""

import io
import json
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.networks import Network
from contracts.records import Account
from contracts.tables import IMPORTED_POSTS_COLUMNS
from platforms.exported_rows import post_of_row, row_of
from platforms.exports import ExportError, ExportReading, export_to_posts, match_columns, read_export

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HEADER = "network,account,message_id,published_at,text,likes,comments"
ROW = "INSTAGRAM,gov,1,2024-05-01 10:00:00,Olá,5,1"


@pytest.fixture
def read(tmp_path):
    """Write a file and read it as an export."""

    def write_and_read(content: str | bytes, **options) -> ExportReading:
        path = tmp_path / "posts.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_export(path, **({"now": NOW} | options))

    return write_and_read


def csv_of(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows, ""])


def reasons(reading: ExportReading) -> dict[int, str]:
    assert reading.report.rows_used == reading.posts.height
    assert reading.report.rows_rejected == reading.rejected.height == sum(reading.report.rejected_by_reason.values())
    assert reading.report.rows_in_file == reading.posts.height + reading.rejected.height
    numbers = [*reading.posts["source_row"], *reading.rejected["source_row"]]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert reading.posts.schema == pl.Schema(IMPORTED_POSTS_COLUMNS)
    for raw in reading.rejected["raw"]:
        json.loads(raw)
    return dict(reading.rejected.select("source_row", "reason").iter_rows())


def test_a_plain_table(read):
    reading = read(csv_of(ROW))
    (row,) = reading.posts.to_dicts()
    assert reasons(reading) == {}
    assert row == {
        "network": "instagram",
        "account_handle": "gov",
        "account_native_id": "gov",
        "account_name": "gov",
        "post_native_id": "1",
        "permalink": None,
        "published_at": datetime(2024, 5, 1, 10, tzinfo=UTC),
        "text": "Olá",
        "link_url": None,
        "link_title": None,
        "content_format": "image",
        "likes": 5,
        "comments": 1,
        "shares": None,
        "saves": None,
        "views": None,
        "reach": None,
        "followers": None,
        "source_row": 1,
    }
    assert reading.report.used_columns["post_native_id"] == "message_id"
    assert any("without a zone are UTC" in a for a in reading.report.assumptions)


def test_the_report_says_what_was_used_and_what_was_not(read):
    text = str(read(csv_of(ROW + ",9", header=HEADER + ",total_interactions")).report)
    assert "1 rows: 1 used, 0 rejected" in text
    assert "message_id -> post_native_id" in text
    assert "not used: total_interactions" in text
    assert "not in the file: " in text


GOV = Account(
    account_id="instagram:1", client_id="c", network=Network.INSTAGRAM, native_id="1", handle="gov", base_url=""
)
PAGE_HEADER = "status_id,page,published_at,status_message,status_type,link_name,status_link"
PAGE_ROW = "{number},harbor,2024-05-01 10:00:00,Hi,{form},{name},{link}"


def cards(reading: ExportReading) -> list[tuple[str | None, str | None]]:
    assert reading.report.rows_rejected == 0
    return list(reading.posts.select("link_url", "link_title").iter_rows())


def test_pages_that_posts_lead_to_in_a_table_with_one_column_of_addresses(read):
    rows = [
        ("link", "The menu", "https://a.example/menu"),
        ("link", " ", "a.example/menu"),
        ("link", "Their page", "https://www.facebook.com/other/"),
        ("photo", "Timeline Photos", "https://www.facebook.com/harbor/photos/1"),
        ("video", "A film", "https://a.example/film"),
        ("status", "", ""),
    ]
    lines = [PAGE_ROW.format(number=i, form=form, name=name, link=link) for i, (form, name, link) in enumerate(rows)]
    reading = read(csv_of(*lines, header=PAGE_HEADER), network=Network.FACEBOOK)
    assert cards(reading) == [
        ("https://a.example/menu", "The menu"),
        (None, None),
        (None, "Their page"),
        (None, None),
        (None, None),
        (None, None),
    ]
    assert reading.posts["permalink"].to_list() == [link or None for *_, link in rows], "as it was"
    assert reading.report.used_columns["permalink"] == "status_link"
    assert any("'status_link' of a link" in said for said in reading.report.assumptions)


def test_a_column_of_pages_needs_no_guess(read):
    header = HEADER + ",type,link,final_link,Link Text"
    lines = [
        f"{ROW},link,https://b.example/x,https://a.example/y,Why",
        ROW.replace(",1,2024", ",2,2024") + ",photo,https://b.example/x,ftp://a.example,Beside none",
        ROW.replace(",1,2024", ",3,2024") + ",photo,https://b.example/x,,An album",
        ROW.replace(",1,2024", ",4,2024") + ",photo,https://b.example/x,https://a.example/z,Beside an address",
    ]
    reading = read(csv_of(*lines, header=header))
    expected = [
        ("https://a.example/y", "Why"),
        (None, None),
        (None, None),
        ("https://a.example/z", "Beside an address"),
    ]
    assert cards(reading) == expected
    exported = export_to_posts(reading.posts, [GOV], NOW).collected.posts
    assert [(post.link_url, post.link_title) for post in exported] == expected
    kept = [post_of_row(GOV, row_of(json.loads(post.raw)), observed_at=NOW) for post in exported]
    assert [(post.link_url, post.link_title) for post in kept] == expected, "mapped again"
    assert reading.report.used_columns["permalink"] == "link"
    assert reading.report.used_columns["link_url"] == "final_link"


def test_a_column_of_permalinks_is_no_column_of_pages(read):
    header = HEADER + ",type,permalink,link_title"
    reading = read(csv_of(ROW + ",link,https://a.example/p/1,Title", header=header))
    assert cards(reading) == [(None, "Title")]
    assert reading.posts["permalink"].to_list() == ["https://a.example/p/1"]


def test_names_match_without_case_accents_or_punctuation():
    names = ["Rede Social", " Conta ", "Post ID", "Data/Hora", "LEGENDA", "Curtidas", "Comentários", "Média"]
    assert match_columns(names) == {
        "account_handle": " Conta ",
        "post_native_id": "Post ID",
        "published_at": "Data/Hora",
        "text": "LEGENDA",
        "likes": "Curtidas",
        "comments": "Comentários",
    }


def test_a_file_without_what_is_needed_says_what_it_has(read):
    with pytest.raises(ExportError) as caught:
        read("likes,when\n5,2024\n")
    said = str(caught.value)
    for expected in ("post_native_id", "published_at", "account_handle", "network", "It has: likes, when."):
        assert expected in said


def test_what_is_missing_can_be_said_by_the_caller(read):
    content = csv_of("1,2024-05-01T10:00:00Z,hi", header="id,date,text")
    reading = read(content, network=Network.INSTAGRAM, account_handle="gov")
    assert reading.posts.select("network", "account_handle", "account_native_id").row(0) == ("instagram", "gov", "gov")
    assert len(reading.report.assumptions) >= 3


def test_the_network_can_be_read_off_the_links(read):
    header = "account,id,date,link"
    rows = (
        "a,1,2024-05-01,https://www.instagram.com/p/x/",
        "a,2,2024-05-01,https://bsky.app/profile/x",
        "a,3,2024-05-01,https://x.example/",
    )
    reading = read(csv_of(*rows, header=header))
    assert reading.posts["network"].to_list() == ["instagram", "bluesky"]
    assert reading.posts["content_format"].to_list() == ["image", "text"]
    assert reasons(reading) == {3: "unsupported network"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("INSTAGRAM,gov,,2024-05-01 10:00:00,x,1,1", "missing post id"),
        ("INSTAGRAM,gov,null,2024-05-01 10:00:00,x,1,1", "missing post id"),
        ("INSTAGRAM,gov,1.80479E+16,2024-05-01 10:00:00,x,1,1", "post id rounded by a spreadsheet"),
        ("INSTAGRAM,,2,2024-05-01 10:00:00,x,1,1", "missing account"),
        ("ORKUT,gov,2,2024-05-01 10:00:00,x,1,1", "unsupported network"),
        ("INSTAGRAM,gov,2,,x,1,1", "missing publication time"),
        ("INSTAGRAM,gov,2,yesterday,x,1,1", "unreadable publication time"),
        ("INSTAGRAM,gov,2,2024-02-30 10:00:00,x,1,1", "unreadable publication time"),
        ("INSTAGRAM,gov,2,1970-01-01 00:00:00,x,1,1", "publication time before 2004"),
        ("INSTAGRAM,gov,2,2099-01-01 00:00:00,x,1,1", "publication time in the future"),
        ("INSTAGRAM,gov,2,2024-05-01 10:00:00,x,many,1", "unreadable count"),
        ("INSTAGRAM,gov,2,2024-05-01 10:00:00,x,1.5,1", "unreadable count"),
        ("INSTAGRAM,gov,2,2024-05-01 10:00:00,x,99999999999999999999,1", "unreadable count"),
        ("INSTAGRAM,gov,2,2024-05-01 10:00:00,x", "wrong number of values"),
        ("INSTAGRAM,gov,2,2024-05-01 10:00:00,x,1,1,extra", "wrong number of values"),
        ('INSTAGRAM,gov,2,2024-05-01 10:00:00,"x"y,1,1', "broken quotation"),
        ('INSTAGRAM,gov,2,2024-05-01 10:00:00,"never closed,1,1', "broken quotation"),
        ("INSTAGRAM,gov,1,2024-05-01 11:00:00,x,1,1", "duplicated post id"),
    ],
)
def test_each_refusal_has_its_reason_and_costs_one_row(read, row, reason):
    last = "INSTAGRAM,gov,3,2024-05-02 10:00:00,fine,1,1"
    reading = read(csv_of(ROW, row, last))
    assert reasons(reading) == {2: reason}
    assert reading.posts["post_native_id"].to_list() == ["1", "3"]
    assert reading.report.rejected_by_reason == {reason: 1}


def test_negative_counts_are_not_this_rooms_to_refuse(read):
    assert read(csv_of("INSTAGRAM,gov,1,2024-05-01,x,5,-262")).posts["comments"].to_list() == [-262]


def test_a_duplicate_of_a_refused_row_is_the_first(read):
    reading = read(csv_of("INSTAGRAM,gov,1,never,x,1,1", ROW, ROW))
    assert reasons(reading) == {1: "unreadable publication time", 3: "duplicated post id"}
    assert reading.rejected["detail"].to_list()[1] == "first at row 2"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encodings_delimiters_and_line_ends(read, encoding, delimiter, line_end):
    text = csv_of(ROW, ROW.replace(",1,2024", ",2,2024", 1)).replace(",", delimiter).replace("\n", line_end)
    reading = read(text.encode(encoding))
    assert reading.posts["text"].to_list() == ["Olá", "Olá"]
    assert reasons(reading) == {}


def test_single_rows_that_are_no_text_are_refused_and_the_rest_kept(read):
    good = [f"INSTAGRAM,gov,{i},2024-05-01,às nove,1,1" for i in range(2, 6)]
    content = csv_of(ROW, *good).encode() + b"INSTAGRAM,gov,9,2024-05-01,caf\xe9 \xff,1,1\n"
    reading = read(content)
    assert reasons(reading) == {6: "undecodable text"}
    assert "caf\\xe9" in json.loads(reading.rejected["raw"][0])[4]


def test_text_may_hold_delimiters_quotes_and_line_ends(read):
    reading = read(csv_of('INSTAGRAM,gov,1,2024-05-01,"a, ""b""\nc\n\nd",1,1', ROW.replace(",1,", ",2,", 1)))
    assert reading.posts["text"].to_list() == ['a, "b"\nc\n\nd', "Olá"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00"),
        ("2024-05-01T10:00:00.250+02:00", "2024-05-01T08:00:00.250000"),
        ("2024-05-01T10:00:00+0000", "2024-05-01T10:00:00"),
        ("2024-05-01 10:00", "2024-05-01T10:00:00"),
        ("2024-05-01", "2024-05-01T00:00:00"),
        ("2024/05/01 10:00:00", "2024-05-01T10:00:00"),
        ("1714557600", "2024-05-01T10:00:00"),
        ("1714557600000", "2024-05-01T10:00:00"),
        ("31/05/2024 10:00", "2024-05-31T10:00:00"),
        ("31.05.2024 10:00", "2024-05-31T10:00:00"),
        ("05/31/2024 03:30 PM", "2024-05-31T15:30:00"),
        ("2024-05-01 10:00:00 UTC", "2024-05-01T10:00:00"),
    ],
)
def test_times_in_many_forms(read, said, expected):
    (at,) = read(csv_of(f"INSTAGRAM,gov,1,{said},x,1,1")).posts["published_at"].to_list()
    assert at == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_times_without_a_zone_can_be_given_one(read):
    row = "INSTAGRAM,gov,{},{},x,1,1"
    content = csv_of(
        row.format(1, "2024-05-01 10:00:00"),
        row.format(2, "2024-05-01T10:00:00Z"),
        row.format(3, "2024-03-10 02:30:00"),
    )
    reading = read(content, time_zone="America/New_York")
    assert [t.hour for t in reading.posts["published_at"]] == [14, 10]
    assert reasons(reading) == {3: "unreadable publication time"}  # the clocks skip that half hour


@pytest.mark.parametrize(
    ("said", "expected"),
    [("1,234", 1234), ("1.234.567", 1234567), ("12.0", 12), ("", None), ("n/a", None), ("-5", -5), ("+7", 7), ("0", 0)],
)
def test_counts_in_many_forms(read, said, expected):
    assert read(csv_of(f'INSTAGRAM,gov,1,2024-05-01,x,"{said}",1')).posts["likes"].to_list() == [expected]


@pytest.mark.parametrize("said", ["p", "reel", "tv", "Carousel_Album", "STORY", "hologram", ""])
def test_formats(read, said):
    reading = read(csv_of(ROW + f",{said}", header=HEADER + ",media_kind"))
    expected = {"p": "image", "reel": "video", "tv": "video", "Carousel_Album": "carousel", "STORY": "story"}
    assert reading.posts["content_format"].to_list() == [expected.get(said, "image")]
    assert any("hologram" in a for a in reading.report.assumptions) == (said == "hologram")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   \n\n",
        b"PAR1 but no parquet",
        b"PK\x03\x04spreadsheet",
        b"\x00" * 500,
        b"\xff\xfe",
        bytes(range(256)) * 20,
        b"{}",
        b'"' * 99,
    ],
)
def test_what_is_no_table_is_refused_as_a_whole(read, content):
    with pytest.raises(ExportError):
        read(content)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ExportError, match="cannot be read"):
        read_export(tmp_path / "none.csv", now=NOW)
    with pytest.raises(ExportError, match="cannot be read"):
        read_export(tmp_path, now=NOW)


def test_a_table_without_rows_is_empty(read):
    reading = read(csv_of())
    assert reasons(reading) == {}
    assert reading.posts.height == 0


def test_repeated_and_reserved_column_names(read):
    header = "Likes,likes,network,account,id,date,reason,,source_row,reason"
    reading = read(csv_of("1,2,INSTAGRAM,gov,1,2024-05-01,a,b,c,d", "1,2,INSTAGRAM,gov,2,never,a,b,c,d", header=header))
    assert reading.posts["likes"].to_list() == [1]
    assert reasons(reading) == {2: "unreadable publication time"}
    assert sorted(json.loads(reading.rejected["raw"][0]).values()) == sorted(
        ["1", "2", "INSTAGRAM", "gov", "2", "never", "a", "b", "c", "d"]
    )


TYPES = {
    "text": pl.Series("published_at", ["2024-05-01 10:00:00", None, "x"]),
    "naive": pl.Series("published_at", [datetime(2024, 5, 1, 10), None, datetime(1990, 1, 1)]),  # noqa: DTZ001
    "nanoseconds": pl.Series("published_at", [1714557600 * 10**9, None, 631152000 * 10**9]).cast(pl.Datetime("ns")),
    "zoned": pl.Series("published_at", [datetime(2024, 5, 1, 10, tzinfo=UTC), None, datetime(2090, 1, 1, tzinfo=UTC)]),
    "date": pl.Series("published_at", [date(2024, 5, 1), None, date(2090, 1, 1)]),
    "seconds": pl.Series("published_at", [1714557600, None, -5]),
    "float": pl.Series("published_at", [1714557600.0, None, float("nan")]),
}


@pytest.mark.parametrize("kind", TYPES)
def test_parquet_with_times_of_any_type(tmp_path, kind):
    frame = pl.DataFrame(
        {
            "id": [17999999999999999, 2, 3],
            "account": ["a"] * 3,
            "network": ["instagram"] * 3,
            "likes": [1.0, None, 2.0],
            "tags": [["x"]] * 3,
        }
    ).with_columns(TYPES[kind])
    frame.write_parquet(path := tmp_path / "posts.parquet")
    reading = read_export(path, now=NOW)
    assert reading.posts["post_native_id"].to_list() == ["17999999999999999"]
    assert [t.date() for t in reading.posts["published_at"]] == [date(2024, 5, 1)]
    assert len(reasons(reading)) == 2
    assert "tags" in reading.report.unused_columns


def test_ids_that_were_rounded_to_floats_are_refused(tmp_path):
    frame = pl.DataFrame(
        {"id": [1.0, 1.7999e16, 2.5], "account": ["a"] * 3, "network": ["instagram"] * 3, "date": ["2024-05-01"] * 3}
    )
    frame.write_parquet(path := tmp_path / "posts.parquet")
    reading = read_export(path, now=NOW)
    assert reading.posts["post_native_id"].to_list() == ["1"]
    assert set(reasons(reading).values()) == {"post id rounded by a spreadsheet"}


CELLS = st.sampled_from(
    ["", "1", "x", '"', "2024-05-01", "never", "é", "a,b", "\n", "INSTAGRAM", "-3", "1e5", "\x00", "😀", "null"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELLS, min_size=0, max_size=9), max_size=8), is_quoted=st.booleans())
def test_no_table_breaks_the_reader_and_no_row_is_lost(read, rows, is_quoted):
    join = (lambda row: ",".join('"' + c.replace('"', '""') + '"' for c in row)) if is_quoted else ",".join
    reading = read(csv_of(*map(join, rows)))
    reasons(reading)
    if is_quoted:
        assert reading.report.rows_in_file == sum(bool(row) and (len(row) > 1 or bool(row[0].strip())) for row in rows)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(seed=st.integers(0, 10**6), damage=st.integers(1, 40))
def test_damaged_files_are_read_or_refused_and_never_crash(read, seed, damage):
    generator = random.Random(seed)
    content = bytearray(csv_of(*(ROW.replace(",1,2024", f",{i},2024") for i in range(20))).encode())
    for _ in range(damage):
        content[generator.randrange(len(content))] = generator.randrange(256)
    try:
        reading = read(bytes(content))
    except ExportError:
        return
    reasons(reading)


def test_an_export_becomes_posts_and_counts_of_the_accounts_it_belongs_to(read):
    rows = (ROW, "INSTAGRAM,other,2,2024-05-02,x,3,", "INSTAGRAM,@Gov,3,2026-05-31 20:00:00,y,,2")
    reading = read(csv_of(*rows))
    account = Account(
        account_id="instagram:42", client_id="gov", network=Network.INSTAGRAM, native_id="42", handle="GOV", base_url=""
    )
    exported = export_to_posts(reading.posts, [account], NOW)
    assert [p.post_id for p in exported.collected.posts] == ["instagram:1", "instagram:3"]
    assert {p.account_id for p in exported.collected.posts} == {"instagram:42"}
    points = {(m.post_id, m.metric): (m.value, m.is_backfilled) for m in exported.collected.metrics}
    assert points == {
        ("instagram:1", "likes"): (5, True),
        ("instagram:1", "comments"): (1, True),
        ("instagram:3", "comments"): (2, False),
    }
    assert exported.unmatched["source_row"].to_list() == [2]


@pytest.mark.reference_data
def test_a_hundred_thousand_real_posts(reference_data: Path, tmp_path):
    source = reference_data / "instagram_br_state_gov" / "instagram_br_state_gov.parquet"
    reading = read_export(source, now=NOW)
    assert reading.report.rows_in_file == reading.posts.height == 103_206
    assert reading.report.unused_columns == ("total_interactions",)
    assert reading.posts["account_native_id"].n_unique() == 24
    assert (reading.posts["comments"] < 0).sum() > 0
    assert dict(reading.posts["content_format"].value_counts().iter_rows()) == {"image": 80_016, "video": 23_190}
    assert reading.posts["published_at"].max() - reading.posts["published_at"].min() > timedelta(days=1_200)
    pl.read_parquet(source).head(5_000).write_csv(buffer := io.BytesIO())
    (path := tmp_path / "some.csv").write_bytes(buffer.getvalue())
    assert read_export(path, now=NOW).posts.equals(reading.posts.head(5_000))
