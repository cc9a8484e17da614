"""Rows in calls of few sizes: every row runs, little is padded, and few sizes are new."""

from hypothesis import given
from hypothesis import strategies as st

from pellucid.models.padding import MOST_CALLS, MOST_SIZES, WASTE, plan

ROWS = st.integers(1, 300)
SIZES = st.lists(st.integers(1, 128), max_size=MOST_SIZES, unique=True)


@given(ROWS, SIZES)
def test_all_rows_run_and_only_the_last_call_is_padded(rows, sizes):
    calls = plan(rows, sizes)
    assert sum(calls) >= rows
    assert sum(calls[:-1]) < rows


@given(ROWS, SIZES)
def test_a_new_size_is_that_of_the_rows_and_comes_alone(rows, sizes):
    calls = plan(rows, sizes)
    assert set(calls) <= set(sizes) or calls == (rows,)


@given(ROWS, SIZES)
def test_padding_beyond_a_share_or_many_calls_are_worth_another_size_until_there_are_enough(rows, sizes):
    calls = plan(rows, sizes)
    if len(sizes) < MOST_SIZES:
        assert sum(calls) - rows <= WASTE * sum(calls)
        assert len(calls) <= MOST_CALLS
    else:
        assert set(calls) <= set(sizes)


@given(ROWS, SIZES)
def test_as_few_rows_run_as_in_calls_of_one_size(rows, sizes):
    ours = plan(rows, sizes)
    for size in sizes:
        alone = (size,) * -(-rows // size)
        assert sum(ours) + len(ours) <= sum(alone) + len(alone)


@given(ROWS, st.integers(1, 128))
def test_a_model_of_one_size_is_never_asked_for_another(rows, size):
    assert set(plan(rows, [size], most=1)) == {size}


@given(st.lists(ROWS, max_size=40))
def test_a_sequence_of_batches_needs_few_sizes(batches):
    sizes: set[int] = set()
    for rows in batches:
        sizes.update(plan(rows, sorted(sizes)))
    assert len(sizes) <= MOST_SIZES


def test_cases():
    assert plan(3, [4, 1]) == (4,)
    assert plan(2, [4, 1]) == (1, 1)
    assert plan(99, [100, 1]) == (100,)
    assert plan(6, [5, 3]) == (3, 3)
    assert plan(250, [5, 20]) == (250,)
    assert plan(12, [5, 3, 1]) in ((5, 5, 3), (5, 5, 1, 1))
