"""Explanations to be scored without a model: games whose values are functions of NumPy coalitions."""

import numpy as np

from pellucid.arrays.draws import generator


class Played:
    """A ``Measured`` over a function ``game(sample, coalition) -> float``, ``coalition`` bool over the sample's players.

    ``asked`` counts the coalitions that were run: each once, the full one never.
    """

    rounding, blends, sequence, layout, policies = 1e-12, True, False, "NCHW", ("gone",)

    def __init__(self, values, game=None, counts=None, seed=0, truth=None, base_value=None):
        self.values = np.array(values, float)
        self.samples, self.players = self.values.shape
        self.counts = np.full(self.samples, self.players) if counts is None else np.array(counts)
        self.values[np.arange(self.players) >= self.counts[:, None]] = 0
        self.usable = np.array([len(set(row[:n])) > 1 for row, n in zip(self.values, self.counts, strict=True)])
        self.game, self.seed, self.known = game, seed, {}
        self.value = np.array([0.0 if game is None else game(s, np.ones(n, bool)) for s, n in enumerate(self.counts)])
        self.total, self.base_value, self._truth = self.values.sum(axis=1), base_value, truth

    @property
    def asked(self):
        return len(self.known)

    def truth(self):
        return np.array(self._truth, bool)

    def rng(self, name, draw=0):
        return generator(self.seed, name, draw)

    def input(self):
        return self.values  # players stand for entries of a table

    def policy(self, masker):
        return 0

    def worth(self, coalitions, policy=0):
        found = np.empty(coalitions.shape[:2])
        for s, cases in enumerate(coalitions):
            for number, row in enumerate(cases):
                present = row[: self.counts[s]]
                if present.all():
                    found[s, number] = self.value[s]
                    continue
                key = s, present.tobytes()
                if key not in self.known:
                    self.known[key] = self.game(s, present)
                found[s, number] = self.known[key]
        return found

    def empty(self, policy=0):
        return self.worth(np.zeros((self.samples, 1, self.players), bool))[:, 0]


def additive(weights, base=0.0):
    """The game of a linear model: what is present adds up."""
    weights = np.asarray(weights, float)
    return lambda sample, present: base + float(weights[sample][: len(present)] @ present)


def network(players, seed=0, hidden=8):
    """A game with interactions: a small random ReLU network over which players are present."""
    rng = np.random.default_rng(seed)
    inner, outer = rng.normal(size=(players, hidden)), rng.normal(size=hidden)
    shift = rng.normal(size=hidden) / 2
    return lambda sample, present: float(np.maximum((present * 1.0) @ inner[: len(present)] + shift, 0) @ outer)


def orders(players):
    """All orders of so many players."""
    from itertools import permutations

    return list(permutations(range(players)))
