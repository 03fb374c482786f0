"""Where the columns of a query come from: through names, stars, joins, unions and what is computed."""

import pytest
from sqlglot.schema import MappingSchema

from assets.column_lineage import origins

SCHEMA = MappingSchema(
    {"silver": {"posts": {"id": "VARCHAR", "likes": "BIGINT"}, "notes": {"id": "VARCHAR", "word": "VARCHAR"}}},
    dialect="duckdb",
)
POSTS_ID, LIKES = ("silver", "posts", "id"), ("silver", "posts", "likes")
NOTES_ID, WORD = ("silver", "notes", "id"), ("silver", "notes", "word")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ('select id as post_id from "file"."silver"."posts"', {"post_id": {POSTS_ID}}),
        ("with p as (select * from silver.posts) select * from p", {"id": {POSTS_ID}, "likes": {LIKES}}),
        (
            "select p.id, word, likes + length(word) as both from silver.posts p join silver.notes n on p.id = n.id",
            {"id": {POSTS_ID}, "word": {WORD}, "both": {LIKES, WORD}},
        ),
        ("select id from silver.posts union all select id from silver.notes", {"id": {POSTS_ID, NOTES_ID}}),
        (
            "select sum(likes) over (partition by id) as so_far, 1 as one from silver.posts",
            {"so_far": {LIKES, POSTS_ID}, "one": set()},
        ),
    ],
    ids=["renamed", "star", "join", "union", "computed"],
)
def test_a_column_comes_from_the_tables_columns_that_it_is_made_of(sql, expected) -> None:
    assert origins(sql, SCHEMA) == expected
