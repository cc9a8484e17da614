"""Fixed rules on [0, 1]."""

import numpy as np
import pytest

from pellucid.arrays import quadrature


def test_gauss_legendre_is_exact_up_to_its_degree():
    for steps in (1, 3, 10):
        nodes, weights = quadrature.gauss_legendre(steps)
        for power in range(2 * steps):
            assert weights @ nodes**power == pytest.approx(1 / (power + 1))


def test_gauss_rule_for_the_logarithm():
    for steps in (2, 5, 40):
        nodes, weights = quadrature.gauss_log(steps)
        assert ((nodes > 0) & (nodes < 1)).all()
        for degree in range(2 * steps):
            assert weights @ nodes**degree == pytest.approx(1 / (degree + 1) ** 2, rel=1e-10)


def test_interpolatory_weights_at_any_nodes():
    nodes = np.random.default_rng(0).random(6)
    weights = quadrature.interpolatory(nodes)
    for degree in range(6):
        assert weights @ nodes**degree == pytest.approx(1 / (degree + 1), rel=1e-8)
