"""The one place that decides what "before" means agrees with counting by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.history import Timeline

rows = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 12)), min_size=0, max_size=25)


@settings(deadline=None, max_examples=150)
@given(rows, st.lists(st.tuples(st.integers(1, 4), st.integers(-1, 13)), min_size=1, max_size=10))
def test_lookups_agree_with_counting(known: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    groups, times = (np.array([row[at] for row in known], dtype=np.int64) for at in (0, 1))
    query_groups, moments = (np.array([row[at] for row in asked], dtype=np.int64) for at in (0, 1))
    timeline = Timeline(groups, times)
    values = np.arange(len(known), dtype=float)[timeline.order]
    up_to, before = timeline.last_at(query_groups, moments), timeline.count_before(query_groups, moments)
    taken = timeline.take(values, up_to, query_groups)
    for at, (group, moment) in enumerate(asked):
        own = [(time, row) for row, (g, time) in enumerate(known) if g == group]
        assert up_to[at] - timeline.first(query_groups)[at] + 1 == sum(time <= moment for time, _ in own)
        assert before[at] == sum(time < moment for time, _ in own)
        visible = [pair for pair in own if pair[0] <= moment]
        if visible:
            newest = max(time for time, _ in visible)
            assert taken[at] == max(row for time, row in visible if time == newest)
        else:
            assert np.isnan(taken[at])


def test_equal_times_keep_the_order_in_which_they_came() -> None:
    timeline = Timeline(np.array([1, 1, 1]), np.array([5, 5, 5]))
    assert timeline.order.tolist() == [0, 1, 2]


@pytest.mark.parametrize("moment", [0, 10])
def test_a_group_without_rows_has_no_past(moment: int) -> None:
    timeline = Timeline(np.array([1, 3]), np.array([4, 4]))
    group = np.array([2])
    found = timeline.last_at(group, np.array([moment]))
    assert found < timeline.first(group)
    assert np.isnan(timeline.take(np.array([1.0, 2.0]), found, group)).all()
