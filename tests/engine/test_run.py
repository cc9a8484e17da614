"""The verb explain: budgets, progress, plans, evidence."""

import re

import numpy as np
import pytest
import torch

import networks
import pellucid as pl


def test_the_plan_says_how_it_ran():
    plan = pl.explain(networks.cnn(), networks.rows(2, 3, 8, 8), method="saliency", seed=4, batch_size=2).plan
    assert (plan.batch_size, plan.seed, plan.adapter, plan.device) == (2, 4, "torch", "cpu")
    assert plan.versions["torch"] == torch.__version__
    assert "pellucid" in plan.versions


@pytest.mark.parametrize("wrong", [0, -3, 2.5, True, "many"])
def test_batch_sizes_are_checked(wrong):
    with pytest.raises(pl.InputError, match="batch_size must be a whole number"):
        pl.explain(networks.mlp(), networks.rows(1, 6), batch_size=wrong)


def test_memory_formats_are_checked():
    with pytest.raises(pl.InputError, match="'as-is' or 'channels-last'"):
        pl.explain(networks.mlp(), networks.rows(1, 6), memory_format="nhwc")


@pytest.mark.parametrize("wrong", [0, -1, "all", True, pl.Budget(rows=0), pl.Budget(rows=9.5), pl.Budget(seconds=-1)])
def test_budgets_are_checked(wrong):
    with pytest.raises(pl.InputError, match=r"budget: (rows|seconds) must be a positive (whole )?number"):
        pl.explain(networks.mlp(), networks.rows(1, 6), budget=wrong)


def test_a_spent_budget_is_said():
    net, x = networks.digits("cnn")
    e = pl.explain(net, x[:3], tolerance=0.001, budget=30)
    assert e.cost.forward_rows <= 90
    (finding,) = [f for f in e.evidence if f.kind == "tolerance-not-reached"]
    assert finding.samples == (0, 1, 2)
    assert finding.numbers["error"] == tuple(e.error)
    assert "tolerance=0.001" in finding.sentence
    assert pl.explain(net, x[:3], tolerance=0.05).evidence == ()


def test_too_small_a_budget_says_how_much_is_needed():
    with pytest.raises(pl.BudgetError, match="needs at least 4"):
        pl.explain(networks.mlp(), networks.rows(1, 6), budget=3)
    with pytest.raises(pl.BudgetError, match="needs at least 52"):
        pl.explain(networks.mlp(), networks.rows(1, 6), steps=50, budget=20)
    with pytest.raises(pl.BudgetError, match="needs at least 10"):
        pl.explain(networks.mlp(), networks.rows(1, 6), baseline=np.zeros((3, 6)), budget=9)


def test_a_budget_of_seconds_stops_refinement():
    net, x = networks.digits("cnn")
    e = pl.explain(net, x[:2], tolerance=1e-5, budget=pl.Budget(seconds=1e-6))
    assert e.cost.forward_rows == 6
    assert [f.kind for f in e.evidence] == ["tolerance-not-reached"]


def test_without_budget_for_it_the_evidence_is_left_out():
    e = pl.explain(networks.mlp(), networks.rows(2, 6), method="saliency", budget=1)
    assert e.cost.other_rows == 0


@pytest.mark.parametrize(
    "method",
    ["integrated-gradients", "smoothgrad", "shapley", "banzhaf", "shapley-interactions", "leave-one-out", "lime", "rise"],
)
def test_progress_is_told_and_ends_at_one(method):
    told = []
    net, x = (networks.cnn(), networks.rows(2, 3, 8, 8)) if method == "rise" else (networks.mlp(), networks.rows(5, 6))
    pl.explain(net, x, method=method, progress=lambda share, rows: told.append((share, rows)))
    shares, rows = zip(*told, strict=True)
    assert list(shares) == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert list(rows) == sorted(rows)


def test_a_progress_bar_is_drawn_when_asked_for(capsys):
    pl.explain(networks.mlp(), networks.rows(5, 6), progress=True)
    assert "integrated-gradients" in capsys.readouterr().err
    pl.explain(networks.mlp(), networks.rows(5, 6), progress=False)
    pl.explain(networks.mlp(), networks.rows(5, 6))
    assert not capsys.readouterr().err


def test_targets_are_checked():
    net, x = networks.mlp(), networks.rows(2, 6)
    for wrong in ([], 3, "abc"):
        with pytest.raises(pl.TargetError, match="takes a list"):
            pl.explain(net, x, targets=wrong)
    with pytest.raises(pl.TargetError, match="not both"):
        pl.explain(net, x, target=1, targets=[1])
    for wrong in (1.5, None, {}, np.array([0.5, 1.0]), True):
        with pytest.raises(pl.TargetError):
            pl.explain(net, x, target=wrong)


def test_parameters_of_an_instance_belong_inside_it():
    from pellucid.attribution.path.integrated_gradients import IntegratedGradients

    net, x = networks.mlp(), networks.rows(2, 6)
    by_name = pl.explain(net, x, method="integrated-gradients", tolerance=0.01)
    np.testing.assert_array_equal(pl.explain(net, x, method=IntegratedGradients(tolerance=0.01)).values, by_name.values)
    with pytest.raises(pl.InputError, match="belong inside the method"):
        pl.explain(net, x, method=IntegratedGradients(), tolerance=0.01)
    with pytest.raises(pl.InputError, match=r"Make an instance: method=IntegratedGradients\(\.\.\.\)"):
        pl.explain(net, x, method=IntegratedGradients)
    with pytest.raises(pl.InputError, match="tolerance must be above 0"):
        pl.explain(net, x, method=IntegratedGradients(tolerance=-1))


def test_an_exploding_gradient_is_said():
    class Kink(torch.nn.Module):
        def forward(self, x):
            return 1 + 0.01 * torch.sin(1e6 * x).sum(1, keepdim=True)

    x = torch.tensor([[2 * np.pi / 1e6 * 10_000, 0.0]], dtype=torch.float64)
    e = pl.explain(Kink().double(), x.numpy(), method="saliency")
    assert [f.kind for f in e.evidence] == ["exploding-gradient"]


def test_a_step_is_found_by_what_completeness_says_is_missing():
    """A spike of the gradient far narrower than the first nodes' distance."""

    class Step(torch.nn.Module):
        def forward(self, x):
            return torch.sigmoid(2000 * (x[:, :1] - 0.3137)) + 0 * x[:, 1:2]

    e = pl.explain(Step(), torch.tensor([[1.0, 1.0]]), tolerance=0.05)
    np.testing.assert_allclose(e.values, [[1.0, 0.0]], atol=0.05)
    assert e.error[0] <= 0.05


def test_an_explanation_of_a_constant_stops_at_once():
    class Constant(torch.nn.Module):
        def forward(self, x):
            return 0 * x.sum(1, keepdim=True) + 3

    e = pl.explain(Constant(), networks.rows(3, 4))
    assert e.cost.forward_rows == 9
    assert not e.values.any()
    assert not e.error.any()
    assert not e.residual.any()


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("shapley", {}),
        ("shapley", {"estimator": "permutation"}),
        ("banzhaf", {}),
        ("shapley-interactions", {}),
        ("lime", {}),
        ("leave-one-out", {}),
        ("occlusion", {}),
    ],
)
def test_the_budget_that_is_asked_for_is_enough(method, options):
    """In model rows, background rows counted: what the refusal names is taken, and one less is refused."""
    net, x = networks.mlp(), networks.rows(2, 6)
    options = {"method": method, "masker": pl.maskers.Background(networks.rows(5, 6).numpy()), **options}
    with pytest.raises(pl.BudgetError, match="budget=2 rows per sample is too small") as refused:
        pl.explain(net, x, budget=2, **options)
    least = int(re.findall(r"at least (\d+)", str(refused.value))[0])
    assert pl.explain(net, x, budget=least, **options).cost.forward_rows <= 2 * least
    with pytest.raises(pl.BudgetError):
        pl.explain(net, x, budget=least - 1, **options)
