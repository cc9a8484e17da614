"""What bare functions may give, what is refused in words, and values of any size."""

import numpy as np
import pytest
import torch

from pellucid.core.errors import InputError
from pellucid.games.interactions import interactions
from pellucid.games.shapley import shapley

PLAYERS = 12
SAMPLED = ("auto", "permutation", "kernel", "leverage", "odd-regression", "gaussian-process")


def pairs(coalitions):
    """Worth 1 for each of three pairs, and 1 for a set of three."""
    both = coalitions[:, 0:6:2] & coalitions[:, 1:6:2]
    return both.sum(axis=1) + coalitions[:, 6:9].all(axis=1).astype(float)


def test_tensors_that_carry_a_gradient_are_numbers():
    weight = torch.tensor([1.0, 2.0, 4.0], requires_grad=True)
    found = shapley(lambda coalitions: torch.tensor(coalitions, dtype=torch.float32) @ weight, players=3)
    np.testing.assert_allclose(found.values, [1, 2, 4])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda coalitions: coalitions.sum(axis=1) * 1j, "complex128 and not numbers"),
        (lambda coalitions: ["much"] * len(coalitions), "and not numbers"),
        (lambda coalitions: np.zeros((len(coalitions), 0)), "no outputs"),
        (lambda coalitions: torch.ones(len(coalitions), dtype=torch.bfloat16), "no array of numbers"),
        ("a name", "function of coalitions"),
    ],
)
def test_what_is_no_number_is_refused_in_words(given, said):
    for verb in (shapley, interactions):
        with pytest.raises(InputError, match=said):
            verb(given, players=3)


@pytest.mark.parametrize("estimator", SAMPLED)
def test_an_offset_does_not_hide_the_error(estimator):
    plain = shapley(pairs, PLAYERS, estimator=estimator, budget=100)
    far = shapley(lambda coalitions: pairs(coalitions) + 1e9, PLAYERS, estimator=estimator, budget=100)
    assert plain.error > 0.01
    np.testing.assert_allclose(far.error, plain.error, rtol=1e-3)
    wanted = shapley(lambda coalitions: pairs(coalitions) + 1e9, PLAYERS, estimator=estimator, tolerance=0.05, budget=4096)
    assert wanted.error <= 0.05
    assert wanted.calls > 2 + 4 * PLAYERS  # it did not stop at the first look


def test_an_offset_does_not_hide_the_error_of_interactions():
    plain, far = (interactions(lambda c, far=far: pairs(c) + far, PLAYERS, budget=100) for far in (0.0, 1e9))
    assert plain.error > 0.01
    np.testing.assert_allclose(far.error, plain.error, rtol=1e-3)


def test_the_rounding_of_a_float32_game_is_no_error():
    rng = np.random.default_rng(0)

    def noise(coalitions):
        return (100 + 1e-5 * rng.random(len(coalitions))).astype(np.float32)

    assert shapley(noise, PLAYERS, tolerance=0.01, budget=4000).calls == 2 + 4 * PLAYERS


@pytest.mark.parametrize("estimator", SAMPLED)
def test_a_game_of_nothing_stops_at_once(estimator):
    found = shapley(lambda coalitions: np.zeros(len(coalitions)), PLAYERS, estimator=estimator, tolerance=0.05)
    assert found.calls <= 2 + 4 * PLAYERS
    assert found.error == 0
    np.testing.assert_array_equal(found.standard_errors, 0)
    np.testing.assert_array_equal(found.values, 0)


@pytest.mark.parametrize("unit", [1e-250, 1e-170, 1e170, 1e300])
@pytest.mark.parametrize("estimator", [*SAMPLED, "regression-msr"])
def test_the_unit_does_not_matter(estimator, unit):
    """A power of two, so that nothing is rounded and every byte of the values stays the same."""
    unit = 2.0 ** round(np.log2(unit))
    plain = shapley(pairs, PLAYERS, estimator=estimator, budget=80)
    other = shapley(lambda coalitions: pairs(coalitions) * unit, PLAYERS, estimator=estimator, budget=80)
    assert (plain.values * unit).tobytes() == other.values.tobytes()
    assert (plain.standard_errors * unit).tobytes() == other.standard_errors.tobytes()
    np.testing.assert_allclose(other.error, plain.error, rtol=1e-12)
    assert plain.error > 0


def test_interactions_of_huge_and_tiny_games():
    for unit in (2.0**-800, 2.0**900):
        plain, other = (interactions(lambda c, u=u: pairs(c) * u, PLAYERS, budget=80) for u in (1.0, unit))
        np.testing.assert_allclose(other.values / unit, plain.values, atol=1e-12)
        np.testing.assert_allclose(other.error, plain.error, rtol=1e-9)
