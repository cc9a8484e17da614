"""Shapley values: error at equal numbers of coalitions, and seconds, beside shap, shapiq and captum.

Small games are tables of all their coalitions, so that exact values are known and an estimator costs what it costs. All
contenders may look at the same number of coalitions; some look at fewer, or cannot be told exactly, and the table says how many
they did. The error is ||values - exact||^2 / ||exact||^2, its median over samples and seeds.
"""

from __future__ import annotations

import logging
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np
import shap
import shapiq
import torch
from captum.attr import KernelShap, ShapleyValueSampling
from PIL import Image
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

import pellucid as pl
from pellucid import demo

from .harness import machine, save

BUDGETS = (4, 10, 20, 50, 100)
"""Coalitions, times the number of players."""
SAMPLES, SEEDS = 5, 3
"""Samples of each game, and seeds for each of them."""
COVERED_SEEDS = 200
ROWS, FEATURES, COALITIONS = 64, 30, (512, 2048)
PEERS = ("shap", "shapiq")
ROUNDS = 5

Solver = Callable[[Callable[[np.ndarray], np.ndarray], int, int, int], np.ndarray]


@dataclass
class Table:
    """A game as a table of all coalitions: takes rows of 0 and 1, and counts them."""

    values: np.ndarray
    players: int
    calls: int = 0

    def __call__(self, coalitions: np.ndarray) -> np.ndarray:
        present = np.atleast_2d(np.asarray(coalitions)) > 0.5
        self.calls += len(present)
        return self.values[present @ (1 << np.arange(self.players))]


def accuracy() -> None:
    """The page of errors at equal coalitions, and of the coverage of intervals."""
    quiet()
    played = games()
    lines = [*errors(played), *coverage(played)]
    save("shapley-errors", ["# Shapley values: error at equal coalitions", "", machine(*PEERS), "", *lines])


def time_taken() -> None:
    """The page of seconds."""
    quiet()
    save("shapley-seconds", ["# Shapley values: seconds at equal coalitions", "", machine(*PEERS), "", *seconds()])


def errors(played: dict[str, list[Table]]) -> list[str]:
    """One table of errors, and how much larger each contender's are than ours."""
    contenders = {"pellucid auto": ours, **peers()}
    heads = " | ".join(f"{budget}n" for budget in BUDGETS)
    lines = ["Medians of ||values - exact||^2 / ||exact||^2; in brackets coalitions that were looked at, where they differ.", ""]
    for game, tables in played.items():
        truth = [exact(table) for table in tables]
        found = {name: [error(solve, tables, truth, budget) for budget in BUDGETS] for name, solve in contenders.items()}
        best = np.array([each[0] for each in found["pellucid auto"]])
        lines += [f"## {game}", "", f"| estimator | {heads} | times ours (geometric mean) |", "|---" * (len(BUDGETS) + 2) + "|"]
        for name, row in found.items():
            told = [
                f"{median:.1e}" + (f" ({calls:.0f}n)" if abs(calls / b - 1) > 0.03 else "")
                for (median, calls), b in zip(row, BUDGETS, strict=True)
            ]
            ratio = float(np.exp(np.mean(np.log(np.array([each[0] for each in row]) / best))))
            lines.append(f"| {name} | {' | '.join(told)} | {ratio:.2f} |")
            print(game, lines[-1], flush=True)
        lines.append("")
    return lines


def error(solve: Solver, tables: list[Table], truth: list[np.ndarray], budget: int) -> tuple[float, float]:
    """Median error, and coalitions per player that were looked at."""
    missed, calls = [], []
    for table, values in zip(tables, truth, strict=True):
        for seed in range(SEEDS):
            table.calls = 0
            found = solve(table, table.players, budget * table.players, seed)
            missed.append(((found - values) ** 2).sum() / (values**2).sum())
            calls.append(table.calls / table.players)
    return float(np.median(missed)), float(np.max(calls))


def coverage(played: dict[str, list[Table]]) -> list[str]:
    """How often our 95% intervals hold the exact value, in percent, over players, samples and seeds."""
    budgets = [budget for budget in BUDGETS if budget >= 20]
    lines = [
        "## Coverage of 95% intervals, percent",
        "",
        f"| game | {' | '.join(f'{b}n' for b in budgets)} |",
        "|---" * (len(budgets) + 1) + "|",
    ]
    for game, tables in played.items():
        told = []
        for budget in budgets:
            inside = []
            for number, table in enumerate(tables):
                values = exact(table)
                for seed in range(COVERED_SEEDS // len(tables)):
                    s = pl.shapley(table, table.players, budget=budget * table.players, seed=1000 * number + seed)
                    inside.append(np.abs(s.values - values) <= 1.96 * s.standard_errors + 1e-9 * np.abs(values).max())
            told.append(f"{100 * np.mean(inside):.1f}")
        lines.append(f"| {game} | {' | '.join(told)} |")
        print(lines[-1], flush=True)
    return [*lines, ""]


def seconds() -> list[str]:
    """Wall-clock of 64 rows of an MLP with 30 features, absent ones at the mean, and the error against a long run."""
    net, x = breast_cancer()
    rows, mean = x[:ROWS], x.mean(axis=0)
    masker = pl.maskers.Constant(mean)

    def explain(**options) -> np.ndarray:
        return pl.explain(net, rows, target=1, method="shapley", masker=masker, **options).values

    long = explain(budget=200_000, estimator="permutation")
    lines = [
        f"{ROWS} rows of an MLP 30-64-64-2 on breast cancer, {FEATURES} features.",
        "",
        "Absent features are at their means. The floor is the same number of rows through the network in batches of 4,096; every",
        "row of a contender is one coalition. Peers explain row by row, as they do.",
        "",
        "| contender | coalitions | seconds | times ours | error against a long run |",
        "|---|---|---|---|---|",
    ]
    for budget in COALITIONS:
        racers = {"floor: raw rows": lambda b=budget: floor(net, b), "pellucid auto": lambda b=budget: explain(budget=b)}
        racers |= row_by_row(net, rows, mean, budget)
        taken: dict[str, list[float]] = {name: [] for name in racers}
        made: dict[str, np.ndarray | None] = {}
        for turn in range(ROUNDS + 1):
            for name, racer in racers.items():
                if turn > 2 and taken[name] and taken[name][0] > 5:
                    continue  # slow enough to be known
                started = time.perf_counter()
                made[name] = racer()
                if turn:
                    taken[name].append(time.perf_counter() - started)
        base = statistics.median(taken["pellucid auto"])
        for name, times in taken.items():
            middle, values = statistics.median(times), made[name]
            missed = "" if values is None else f"{np.median(((values - long) ** 2).sum(1) / (long**2).sum(1)):.1e}"
            lines.append(f"| {name} | {budget} | {middle:.3f} | {middle / base:.1f} | {missed} |")
            print(lines[-1], flush=True)
    return lines


def floor(net: torch.nn.Module, budget: int) -> None:
    with torch.no_grad():
        for part in torch.zeros(ROWS * budget, FEATURES).split(4096):
            net(part)


def row_by_row(net: torch.nn.Module, rows: np.ndarray, mean: np.ndarray, budget: int) -> dict[str, Callable[[], np.ndarray]]:
    """The peers on the model, at about the same number of coalitions for each row."""

    def model(batch: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net(torch.as_tensor(np.asarray(batch), dtype=torch.float32)).numpy()[:, 1]

    background = mean[None]
    kernel = shap.KernelExplainer(model, background)
    permutation = shap.PermutationExplainer(model, shap.maskers.Independent(background), seed=0)
    x, base = torch.tensor(rows), torch.tensor(background)

    def games() -> list[Callable[[np.ndarray], np.ndarray]]:
        return [lambda z, row=row: model(np.where(np.atleast_2d(z) > 0.5, row, mean)) for row in rows]

    def captum_kernel() -> np.ndarray:
        found = [
            KernelShap(net).attribute(x[i : i + 1], base, target=1, n_samples=budget - 2, perturbations_per_eval=256)
            for i in range(len(x))
        ]
        return torch.cat(found).detach().numpy()

    def captum_sampling() -> np.ndarray:
        method, orders = ShapleyValueSampling(net), max((budget - 1) // FEATURES, 1)
        with torch.no_grad():
            return method.attribute(x, base, target=1, n_samples=orders, perturbations_per_eval=FEATURES).numpy()

    return {
        "shap KernelExplainer, l1_reg=False": lambda: kernel.shap_values(rows, nsamples=budget - 2, l1_reg=False, silent=True),
        "shap KernelExplainer, defaults": lambda: kernel.shap_values(rows, nsamples=budget - 2, silent=True),
        "shap PermutationExplainer": lambda: permutation(rows, max_evals=budget, silent=True).values,
        "captum KernelShap, 256 a call": captum_kernel,
        "captum ShapleyValueSampling, all rows at once": captum_sampling,
        "shapiq KernelSHAP, paired": lambda: np.array(
            [of_shapiq(shapiq.KernelSHAP, pairing_trick=True)(game, FEATURES, budget, 0) for game in games()]
        ),
        "shapiq PermutationSamplingSV": lambda: np.array(
            [of_shapiq(shapiq.PermutationSamplingSV)(game, FEATURES, budget, 0) for game in games()]
        ),
    }


def ours(game: Callable[[np.ndarray], np.ndarray], players: int, budget: int, seed: int) -> np.ndarray:
    return pl.shapley(game, players, budget=budget, seed=seed).values


def peers() -> dict[str, Solver]:
    """The peers on a bare game."""

    def kernel(game, players, budget, seed):
        np.random.seed(seed)  # noqa: NPY002 (shap draws from it)
        explainer = shap.KernelExplainer(game, np.zeros((1, players)))
        return explainer.shap_values(np.ones((1, players)), nsamples=budget - 2, l1_reg=False, silent=True)[0]

    def permutation(game, players, budget, seed):
        explainer = shap.PermutationExplainer(game, shap.maskers.Independent(np.zeros((1, players))), seed=seed)
        return explainer(np.ones((1, players)), max_evals=budget, silent=True).values[0]

    def captum_kernel(game, players, budget, seed):
        torch.manual_seed(seed)
        method = KernelShap(lambda x: torch.tensor(game(x.numpy())))
        made = method.attribute(
            torch.ones(1, players), torch.zeros(1, players), n_samples=budget - 2, perturbations_per_eval=budget
        )
        return made.numpy()[0]

    def captum_sampling(game, players, budget, seed):
        torch.manual_seed(seed)
        method = ShapleyValueSampling(lambda x: torch.tensor(game(x.numpy())))
        orders = max((budget - 1) // players, 1)
        return method.attribute(
            torch.ones(1, players), torch.zeros(1, players), n_samples=orders, perturbations_per_eval=players
        ).numpy()[0]

    return {
        "shap Kernel, l1_reg=False": kernel,
        "shap Permutation": permutation,
        "captum KernelShap": captum_kernel,
        "captum ShapleyValueSampling": captum_sampling,
        "shapiq KernelSHAP, paired": of_shapiq(shapiq.KernelSHAP, pairing_trick=True),
        "shapiq kADD-SHAP, order 2": of_shapiq(shapiq.kADDSHAP, max_order=2, pairing_trick=True),
        "shapiq SVARM": of_shapiq(shapiq.SVARM, pairing_trick=True),
        "shapiq PermutationSampling": of_shapiq(shapiq.PermutationSamplingSV),
        "shapiq UnbiasedKernelSHAP": of_shapiq(shapiq.UnbiasedKernelSHAP, pairing_trick=True),
    }


def of_shapiq(kind: type, **options) -> Solver:
    def solve(game, players, budget, seed):
        found = kind(n=players, random_state=seed, **options).approximate(budget, game)
        return np.array([found[(player,)] for player in range(players)])

    return solve


def exact(table: Table) -> np.ndarray:
    """Shapley values from all coalitions."""
    n, codes = table.players, np.arange(1 << table.players)
    size = np.bitwise_count(codes)
    weight = np.array([1 / (n * comb(n - 1, k)) for k in range(n)])
    values = np.empty(n)
    for player in range(n):
        without = codes[(codes >> player) & 1 == 0]
        values[player] = ((table.values[without | (1 << player)] - table.values[without]) * weight[size[without]]).sum()
    return values


def games() -> dict[str, list[Table]]:
    """Tables of all coalitions."""
    made = {}
    net, x = breast_cancer()
    groups, present = np.arange(FEATURES) % 14, every(14)
    logits, chances = [], []
    with torch.no_grad():
        for row in x[np.random.default_rng(1).choice(len(x), SAMPLES, replace=False)]:
            out = net(torch.tensor(np.where(present[:, groups], row, x.mean(axis=0)), dtype=torch.float32))
            logits.append(Table(out[:, 1].double().numpy(), 14))
            chances.append(Table(out.softmax(1)[:, 1].double().numpy(), 14))
    made["breast cancer MLP, 14 groups of features, logit"] = logits
    made["breast cancer MLP, 14 groups of features, probability"] = chances
    for terms in (10, 150):
        made[f"12 players, {terms} random interactions of order 1 to 5"] = [interactions(terms, seed) for seed in range(SAMPLES)]
    for name, values in superpixels().items():
        made[f"EfficientNet-Lite0, 14 superpixels, {name}"] = [Table(column, 14) for column in values.T]
    return made


def interactions(terms: int, seed: int) -> Table:
    """A sum of unanimity games with normal weights."""
    rng, present = np.random.default_rng(seed), every(12)
    values = np.zeros(len(present))
    for _ in range(terms):
        members = rng.choice(12, rng.integers(1, 6), replace=False)
        values += rng.normal() * present[:, members].all(axis=1)
    return Table(values, 12)


def superpixels() -> dict[str, np.ndarray]:
    """Every coalition of 14 superpixels of a photo, absent ones at the photo's mean colour: logits and probabilities."""
    wrapped = demo.efficientnet_lite0()
    net = wrapped.model
    x = torch.tensor(wrapped.spec.preprocess.prepare([Image.open(demo.photos()["chelsea"])]))
    pixels = x[0].permute(1, 2, 0).numpy()
    features = next(f for n in range(10, 60) if len(f := pl.Features.superpixels(pixels, n=n, layout="NHWC")) == 14)
    labels, mean = torch.tensor(features.labels[..., 0]), x.mean((2, 3), keepdim=True)
    out = []
    with torch.no_grad():
        top = net(x)[0].topk(3).indices
        for part in torch.tensor(every(14)).split(8):
            masked = torch.where(part[:, labels][:, None], x, mean).contiguous(memory_format=torch.channels_last)
            out.append(net(masked))
    logits = torch.cat(out)
    return {
        "logits of 3 classes": logits[:, top].double().numpy(),
        "probabilities of 3 classes": logits.softmax(1)[:, top].double().numpy(),
    }


def every(players: int) -> np.ndarray:
    """All coalitions, in the order of their codes."""
    return (np.arange(1 << players)[:, None] >> np.arange(players)) & 1 == 1


def breast_cancer() -> tuple[torch.nn.Module, np.ndarray]:
    """An MLP 30-64-64-2 trained on standardised columns."""
    data = load_breast_cancer()
    x = StandardScaler().fit_transform(data.data).astype(np.float32)
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(30, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2)
    )
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    for _ in range(200):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(torch.tensor(x)), torch.tensor(data.target)).backward()
        optimizer.step()
    return net.eval().requires_grad_(False), x


def quiet() -> None:
    """Peers print and warn a great deal."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
