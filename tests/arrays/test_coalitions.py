"""Draws of coalitions: different, of the sizes asked for, fair within a size."""

import numpy as np
import pytest

from pellucid.arrays.coalitions import all_pairs, counts_by_size, draw_pairs, pairs_of_size, sizes, unpack
from pellucid.games.pairs import law


@pytest.mark.parametrize("kind", ["kernel", "leverage"])
@pytest.mark.parametrize("players", [2, 3, 6, 7, 12, 40])
def test_pairs_are_different_and_of_their_sizes(kind, players):
    most = min((1 << players - 1) - 1, 500)
    for count in {1, most // 2 or 1, most}:
        packed, size = draw_pairs(law(kind, players), players, count, np.random.default_rng(0))
        rows = unpack(packed, players)
        assert len({frozenset([row.tobytes(), (~row).tobytes()]) for row in rows}) == len(rows) == count
        assert (rows.sum(axis=1) == size).all()


@pytest.mark.parametrize("players", [5, 8])
def test_all_pairs_are_all_there_are(players):
    rows = all_pairs(players)
    assert len(rows) == (1 << players - 1) - 1 == sum(pairs_of_size(players, int(size)) for size in sizes(players))
    assert len({frozenset([row.tobytes(), (~row).tobytes()]) for row in rows}) == len(rows)
    assert rows.any(axis=1).all()
    assert not rows[:, -1].any()


@pytest.mark.parametrize("kind", ["kernel", "leverage"])
def test_every_beginning_follows_the_law(kind):
    shares = law(kind, 21) / law(kind, 21).sum()
    drawn = np.array(counts_by_size(law(kind, 21), 21, 300, np.random.default_rng(1)))
    small = sizes(21) > 2  # smaller ones are used up
    for end in (50, 150, 300):
        count = np.bincount(drawn[:end], minlength=11)[1:]
        expected = shares / shares[small].sum() * count[small].sum()
        assert (np.abs(count - expected)[small] <= 2).all()


def test_players_are_drawn_fairly():
    found = np.zeros(9)
    for seed in range(300):
        packed, size = draw_pairs(law("leverage", 9), 9, 40, np.random.default_rng(seed))
        found += unpack(packed, 9)[size == 3].sum(axis=0)
    assert (np.abs(found / found.mean() - 1) < 0.12).all()
