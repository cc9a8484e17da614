"""Integrating a vector along paths from 0 to 1 when every value costs a model pass: where to look next, and when to stop.

**Rule.** A composite trapezoid over the nodes; the node at 1 is the sample, and where completeness tells the value at 0 none
lies there: the first node's value is carried on to the end (a network with small biases has its kinks near the baseline, so a
gradient *at* the baseline says little). The result is a weighted sum of the node values, and all that is needed to weigh them
are numbers: each node's place, the model's value there, the sum of its vector (the slope of the model's value along the path),
and the inner products between the vectors.

**Error.** A network with kinks has a gradient that jumps along the path. One jump ``J`` at a place unknown inside an interval of
length ``h`` leaves the error ``J h (u - 1/2)`` with ``u`` uniform: its mean square is ``h**2 |J|**2 / 12``, and of several
independent jumps the squares add, inside an interval as between intervals. So with ``D`` the difference of the values at both
ends the expected squared error is ``sum(h**2 |D|**2) / 12``. Before the first node (length ``l``) it is ``l**3 / 3`` times the
squared jumps per length, for which the next interval stands. How far the truth may lie above its expectation depends on how many
independent jumps share it: the degrees of freedom that match the variance of the squared error, read off the inner products.

**Completeness.** The sum over all entries is known exactly: the change of the model's value. Both uses of it are regressions of
the vector error on the known scalar one.

* Inside an interval with a single jump the scalar defect says where it lies. That it *is* a single jump is judged by the path: a
  single one puts the place always inside the interval, many put it there with probability 2/3 (a ratio of two independent normal
  numbers); the posterior probability weighs the correction.
* Over the path ``beta = sum(h**2 s D) / sum(h**2 s**2)`` (``s`` the sum of ``D``) is what a unit of scalar error carries along of
  the vector; it is weighed by the adjusted share of the squared error that it explains, and the error shrinks by that share.

**Refinement.** Cutting an interval into ``k`` equal parts divides its squared error by ``k**2``; the fewest new nodes that bring
the total down are found by taking the largest gains first.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Bool, Float, Int

CONFIDENCE = 0.975
"""Probability that the error is at most the bound, were the jumps as independent as assumed. Measured on trained MLPs and CNNs:
95% or more at tolerances from 0.1 to 0.005 (``tests/oracle/test_path.py``)."""
START = 1.5
"""The first nodes lie at powers of an even grid: kinks are denser towards the baseline (their squared jumps fall off faster than
one over the place on every measured network). Only the first few nodes depend on it; 1.25 does as well, 2 a little worse."""
GROWTH = 1.25
"""A round adds at most this factor less one of the nodes there are: what is not yet seen cannot be planned. 1.5 takes two thirds
of the rounds for 3% more nodes."""
MOST_PARTS = 8
"""Parts into which a round cuts an interval at most."""
MANY = 2 / 3
"""Probability that many jumps in an interval look like one: |a / b| < 1/2 for normal a, b with the variances 1/12 and 1."""
PRIOR = 3.0
"""Intervals that the prior belief (many jumps) counts for: with fewer observed than these, it prevails."""
PEAKED = 0.6
"""A uniform place has 0.4 times the variance in the square that a normal one has (0.8 against 2): 1 - 0.4."""
SURPRISE = 10.0
"""Scalar errors beyond ten times what the visible jumps explain come from jumps that no node has seen: they are not corrected
by what is known of the others, and count as vector errors in full. Far out because the scalar jumps of an interval may cancel."""
BLIND = 1.5
"""Factor of the bound where completeness says nothing: intervals whose jumps happen to cancel look quiet, and are not cut."""
UNSEEN = 1e-12
"""Jumps that explain a smaller share than this of a squared defect are none: a saturated unit has slopes like 1e-40."""
SHORTEST = 2.0**-22
"""Intervals are not made shorter than this: float32 could not tell their ends apart."""


@dataclass(frozen=True)
class Nodes:
    """The nodes of many owners' paths side by side: one row per owner, padded on the right.

    An owner is the mean over ``rows`` paths (one per baseline). ``path`` is -1 in unused slots. Slots come in any order.
    """

    path: Int[np.ndarray, "owners slots"]
    place: Float[np.ndarray, "owners slots"]
    value: Float[np.ndarray, "owners slots"]
    """The model's value at the node; 0 everywhere, with ``total`` and ``base``, where the vectors do not sum to its slope."""
    total: Float[np.ndarray, "owners slots"]
    """The sum of the node's vector."""
    gram: Float[np.ndarray, "owners 1+slots 1+slots"]
    """Inner products of the node vectors, each less that at the end of its own path so that nothing cancels. Slot 0 is the
    mean of those at the ends."""
    base: Float[np.ndarray, "owners rows"]
    """The model's value at the start of each path."""
    complete: bool = True
    """Whether the vectors sum to the slope of the value."""
    rounding: float = 0.0
    """Relative differences of values up to this are rounding."""


@dataclass(frozen=True)
class Estimate:
    """What the nodes say."""

    weights: Float[np.ndarray, "owners slots"]
    """The integral is the mean vector at the ends, plus the sum of the node vectors (less those at the ends) by these."""
    norm: Float[np.ndarray, " owners"]
    """Euclidean norm of the integral."""
    bound: Float[np.ndarray, " owners"]
    """Upper bound of the Euclidean norm of its error."""
    longest: Float[np.ndarray, " owners"]
    """Norm of the longest difference between neighbouring nodes."""
    order: Int[np.ndarray, "owners slots"]
    """Slots by path and place; the rest is in this order."""
    start: Float[np.ndarray, "owners slots"]
    """Where the interval that ends at each node starts."""
    length: Float[np.ndarray, "owners slots"]
    """Its length; 0 in unused slots."""
    part: Float[np.ndarray, "owners slots"]
    """Its share of the expected squared error."""
    first: Bool[np.ndarray, "owners slots"]
    """Whether it lies before the path's first node."""


def first_places(rows: int, complete: bool = True) -> Float[np.ndarray, "rows first"]:
    """The places, besides 1, where each path of an owner is looked at first; 0 is one where no value is known there.

    Paths are staggered, so that the errors of similar paths do not add up.
    """
    stagger = (np.arange(rows) * 0.6180339887498949 + 0.5) % 1 - 0.5
    spaced = (np.array([0.5, 1.5]) + 0.5 * stagger[:, None]) / 2.5
    return spaced**START if complete else np.concatenate([np.zeros((rows, 1)), spaced**START], axis=1)


def estimate(nodes: Nodes, size: int) -> Estimate:
    """Weights of the nodes and an upper bound of the error; ``size`` is the number of entries of the vectors.

    Every path needs its node at 1 and at least one more.
    """
    rows = nodes.base.shape[1]
    used, order, path, place, value, total, gram = _sorted(nodes)
    index = np.arange(len(path))[:, None]
    first = used & np.concatenate([np.ones((len(path), 1), bool), path[:, 1:] != path[:, :-1]], axis=1)
    inner = used & ~first

    # Slot j stands for the interval that ends at node j; before a path's first node it starts at 0.
    before = np.where(first, nodes.base[index, np.maximum(path, 0)], np.roll(value, 1, axis=1))
    start = np.where(inner, np.roll(place, 1, axis=1), 0.0)
    length = np.where(used, place - start, 0.0)
    span = length / rows
    step = np.where(inner, total - np.roll(total, 1, axis=1), 0.0)
    step = np.where(np.abs(step) > nodes.rounding * np.abs(total).max(1, keepdims=True), step, 0.0)
    jumps = _differences(gram, inner)
    defect = np.where(used, (value - before) / rows - span * (total - step / 2), 0.0)

    squares = span**2 * np.maximum(np.einsum("oii->oi", jumps), 0.0) / 12
    scalar = span**2 * step**2 / 12
    explained = scalar.sum(1)
    explained = np.where(explained > UNSEEN * (defect**2).max(1), explained, 0.0)
    noise = nodes.rounding * np.maximum(np.abs(value), np.abs(before)) / rows
    defect = np.where(np.abs(defect) > noise, defect, 0.0)
    ratio = _divide(squares.sum(1), explained, 1.0)[:, None]
    expected_defect = np.where(first, 4 * length**3 * _ahead(scalar, length), scalar)
    typical = np.maximum(expected_defect, _divide(explained, inner.sum(1), 0.0)[:, None])
    unseen = used & (defect**2 > SURPRISE**2 * typical)
    opening = np.maximum(4 * length**3 * _ahead(squares, length), np.where(unseen, 0.0, defect**2 * ratio))
    usual = np.where(first, opening, squares)
    part = np.maximum(usual, np.where(unseen, defect**2 * ratio, defect**2 / size))

    shift = _one_jump(span, step, defect, inner)
    defect = defect - shift * step
    known = np.where(used, defect, 0.0).sum(1)

    along = span**2 * step / 12
    pull = np.einsum("oij,oj->oi", jumps, along)
    carried = np.einsum("oi,oi->o", along, pull)
    share = _adjusted(_divide(carried, explained * squares.sum(1), 0.0), _divide(explained**2, (scalar**2).sum(1), 1.0))
    share = np.where(explained > 0, share, 0.0)
    slope = _divide(share, explained, 0.0)
    likely = np.clip(known, -SURPRISE * np.sqrt(explained), SURPRISE * np.sqrt(explained))
    shift = shift + (slope * likely)[:, None] * along

    left = known - likely * share
    alike = _coherence(start, place, jumps / rows**2, usual, first, inner) if rows > 1 else 1.0
    expected = usual.sum(1) * alike * (1 - share) + (part - usual).sum(1) + left**2 * _divide(carried, explained**2, 1.0)
    rest = jumps - slope[:, None, None] * (pull[:, :, None] * step[:, None, :] + step[:, :, None] * pull[:, None, :])
    rest = rest + (slope**2 * carried)[:, None, None] * step[:, :, None] * step[:, None, :]
    rest = rest * span[:, :, None] * span[:, None, :] / 12
    own, ends = np.einsum("oii->oi", rest), np.where(first, part, 0.0)
    spread = (rest**2).sum((1, 2)) - PEAKED * (own**2).sum(1) + (ends**2).sum(1)
    degrees = np.clip(_divide((own.sum(1) + ends.sum(1)) ** 2, spread, 1.0), 1.0, size)
    bound = np.maximum(np.sqrt(expected) * _chi_quantile(degrees), np.abs(left) / np.sqrt(size))
    bound = bound * (1.0 if nodes.complete else BLIND)

    # Each interval weighs its two ends by half its length; a shift moves weight from its low to its high end.
    low = np.where(inner, span / 2 - shift, 0.0)
    high = np.where(inner, span / 2 + shift, span)
    weights = high + np.roll(low, -1, axis=1)
    longest = np.sqrt(np.maximum(np.einsum("oii->oi", jumps), 0.0).max(1))
    unsorted = np.zeros_like(weights)
    unsorted[index, order] = weights
    whole = np.concatenate([np.ones((len(path), 1)), unsorted], axis=1)
    norm = np.sqrt(np.maximum(np.einsum("oi,oij,oj->o", whole, nodes.gram, whole), 0.0))
    return Estimate(unsorted, norm, bound, longest, order, start, length, part, first)


def new_places(
    path: Int[np.ndarray, "owners slots"],
    told: Estimate,
    part: Float[np.ndarray, "owners slots"],
    excess: Float[np.ndarray, " owners"],
    most: Int[np.ndarray, " owners"],
) -> tuple[Int[np.ndarray, " new"], Int[np.ndarray, " new"], Float[np.ndarray, " new"]]:
    """The fewest nodes that may bring every owner's error down to what is tolerated: their owners, paths and places.

    Parameters
    ----------
    path
        ``Nodes.path``.
    told
        Where the intervals lie.
    part
        What each contributes to the squared error that is to come down, in the order of ``told``.
    excess
        Error of each owner over its tolerated error; those up to 1 get none.
    most
        Nodes that each owner may still have.
    """
    owners, slots = part.shape
    index = np.arange(owners)[:, None]
    path = path[index, told.order]
    added = np.arange(MOST_PARTS)
    parts = np.where(told.first[:, :, None], 2 * added + 1, added + 1)
    remaining = part[:, :, None] / parts**2
    gains = remaining[:, :, :-1] - remaining[:, :, 1:]
    gains = np.where(told.length[:, :, None] > parts[:, :, 1:] * SHORTEST, gains, 0.0).reshape(owners, -1)
    ranked = np.argsort(-gains, axis=1, kind="stable")
    ordered = np.take_along_axis(gains, ranked, axis=1)
    removed = np.cumsum(ordered, axis=1) - ordered
    wanted = part.sum(1) * (1 - np.minimum(1 / np.maximum(excess, 1.0), 1.0) ** 2)
    allowed = np.minimum(np.ceil((GROWTH - 1) * (path >= 0).sum(1)), most)
    taken = (removed < wanted[:, None]) & (np.arange(gains.shape[1]) < allowed[:, None]) & (ordered > 0)
    count = np.zeros((owners, slots * (MOST_PARTS - 1)), int)
    np.put_along_axis(count, ranked, taken.astype(int), axis=1)
    count = count.reshape(owners, slots, -1).sum(2)

    owner, slot = np.nonzero(count)
    news = count[owner, slot]
    rank = np.arange(news.sum()) - np.repeat(np.cumsum(news) - news, news)
    owner, slot, news = np.repeat(owner, news), np.repeat(slot, news), np.repeat(news, news)
    share = np.where(told.first[owner, slot], (2 * rank + 1) / (2 * news + 1), (rank + 1) / (news + 1))
    return owner, path[owner, slot], told.start[owner, slot] + share * told.length[owner, slot]


def _sorted(nodes: Nodes) -> tuple[np.ndarray, ...]:
    """Which slots are used, the order by path and place with unused slots last, and everything in that order."""
    order = np.argsort(np.where(nodes.path >= 0, 2.0 * nodes.path + nodes.place, np.inf), axis=1, kind="stable")
    index = np.arange(len(order))[:, None]
    path, place, value, total = (held[index, order] for held in (nodes.path, nodes.place, nodes.value, nodes.total))
    used = path >= 0
    both = used[:, :, None] & used[:, None, :]
    gram = np.where(both, nodes.gram[index[:, :, None], 1 + order[:, :, None], 1 + order[:, None, :]], 0.0)
    return used, order, path, np.where(used, place, 0.0), np.where(used, value, 0.0), np.where(used, total, 0.0), gram


def _differences(gram: Float[np.ndarray, "o s s"], inner: Bool[np.ndarray, "o s"]) -> Float[np.ndarray, "o s s"]:
    """Inner products of the differences between neighbouring nodes."""
    half = gram - np.roll(gram, 1, axis=1)
    return np.where(inner[:, :, None] & inner[:, None, :], half - np.roll(half, 1, axis=2), 0.0)


def _ahead(squares: Float[np.ndarray, "o s"], length: Float[np.ndarray, "o s"]) -> Float[np.ndarray, "o s"]:
    """Squared error of the next interval over its length's cube: squared jumps per length, over 12."""
    return _divide(np.roll(squares, -1, axis=1), np.roll(length, -1, axis=1) ** 3, 0.0)


def _one_jump(
    span: Float[np.ndarray, "o s"],
    step: Float[np.ndarray, "o s"],
    defect: Float[np.ndarray, "o s"],
    inner: Bool[np.ndarray, "o s"],
) -> Float[np.ndarray, "o s"]:
    """How much weight each interval moves from its low to its high end, by the defect and the odds of a single jump."""
    jumped = inner & (step != 0)
    inside = jumped & (np.abs(defect) <= span * np.abs(step) / 2)
    seen = (inside.sum(1) + MANY * PRIOR) / (jumped.sum(1) + PRIOR)
    single = np.maximum((seen - MANY) / (1 - MANY), 0.0)
    single = single / (single + (1 - single) * MANY)
    return np.where(inside, single[:, None] * _divide(defect, step, 0.0), 0.0)


def _coherence(
    start: Float[np.ndarray, "o s"],
    end: Float[np.ndarray, "o s"],
    jumps: Float[np.ndarray, "o s s"],
    usual: Float[np.ndarray, "o s"],
    first: Bool[np.ndarray, "o s"],
    inner: Bool[np.ndarray, "o s"],
) -> Float[np.ndarray, " o"]:
    """By how much the expected squared error exceeds that of independent paths; similar paths jump at similar places.

    A jump ``J`` that two paths share at a place ``u`` leaves the errors ``J (u - m)`` and ``J (u - n)``, ``m`` and ``n`` the
    middles of its intervals; ``u`` is uniform where they overlap, and their differences' inner product says what they share.
    """
    middle = (start + end) / 2
    low = np.maximum(start[:, :, None], start[:, None, :])
    high = np.minimum(end[:, :, None], end[:, None, :])
    at = (low + high) / 2
    product = (at - middle[:, :, None]) * (at - middle[:, None, :]) + (high - low) ** 2 / 12
    both = inner[:, :, None] & inner[:, None, :] & (high > low)
    shared = np.where(both, jumps * product, 0.0).sum((1, 2))
    lengths = np.sqrt(np.maximum(np.einsum("oii->oi", jumps), 0.0))
    cosine = _divide(jumps, lengths[:, :, None] * lengths[:, None, :], 0.0)
    cosine = np.roll(cosine, (-1, -1), axis=(1, 2))
    root = np.where(first, np.sqrt(usual), 0.0)
    shared = shared + np.maximum(np.einsum("oi,oij,oj->o", root, cosine, root), (root**2).sum(1))
    return np.maximum(_divide(shared, usual.sum(1), 1.0), 1.0)


def _adjusted(share: Float[np.ndarray, " o"], cases: Float[np.ndarray, " o"]) -> Float[np.ndarray, " o"]:
    """Share of the squared error that a regression explains, less what one fitted slope explains of so many cases by chance.

    However well it fits, never more than all cases but one: with few, a perfect fit says little.
    """
    less = np.where(cases > 1 + 1e-9, 1 - (1 - share) * cases / np.maximum(cases - 1, 1e-9), 0.0)
    return np.clip(np.minimum(less, 1 - 1 / np.maximum(cases, 1.0)), 0.0, 1.0)


def _chi_quantile(degrees: Float[np.ndarray, " o"]) -> Float[np.ndarray, " o"]:
    """Root of the upper quantile of chi-square over its degrees of freedom (Wilson and Hilferty's cube)."""
    spread = 2 / (9 * degrees)
    return (1 - spread + NormalDist().inv_cdf(CONFIDENCE) * np.sqrt(spread)) ** 1.5


def _divide(above: np.ndarray, below: np.ndarray, otherwise: float) -> np.ndarray:
    """Quotient, and something else where it is divided by 0."""
    shape = np.broadcast(above, below).shape
    return np.divide(above, below, out=np.full(shape, otherwise), where=np.broadcast_to(below != 0, shape))
