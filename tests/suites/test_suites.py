"""Suites as their users meet them: what they state is so, and nothing of the user's is touched."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.suites.building import learned
from pellucid.suites.built import watermark as watermarks


def weights(case):
    return [p.detach().numpy().copy() for p in case.network.parameters()]


def test_names_load_and_have_functions():
    assert set(pl.suites.names()) == {"logic", "clusters", "patterns", "grid-pointing", "watermark", "tabular"}
    for name in pl.suites.names():
        assert callable(getattr(pl.suites, name.replace("-", "_")))
    assert [case.name for case in pl.suites.xor(samples=4)] == ["xor"]


def test_looking_at_suites_loads_no_framework():
    code = "import sys, pellucid as pl; pl.suites.names(); assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules"
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def patterns():
    return pl.suites.patterns(samples=3)


def test_patterns_were_learned_and_only_pictures_that_are_told_right_are_explained(patterns):
    assert len(patterns) == 16
    for case in patterns:
        assert case.facts["accuracy"] >= 0.9
        with torch.no_grad():
            assert (case.network(torch.from_numpy(case.inputs)).argmax(1).numpy() == case.labels).all()
        assert case.masks.shape == (3, 64)


def test_networks_are_kept_and_drawn_anew_by_seed():
    one, same, other = (pl.suites.clusters(seed, samples=4) for seed in (0, 0, 1))
    assert one["gates-learned"].network is same["gates-learned"].network
    assert (one["gates-learned"].inputs == same["gates-learned"].inputs).all()
    assert any((a != b).any() for a, b in zip(weights(one["gates-learned"]), weights(other["gates-learned"]), strict=True))


def test_training_gives_the_same_bytes_again():
    from pellucid.suites.built import clusters

    before = weights(pl.suites.clusters(samples=4)["gates-learned"])
    clusters._learned.cache_clear()
    assert all((a == b).all() for a, b in zip(before, weights(pl.suites.clusters(samples=4)["gates-learned"]), strict=True))


def test_fewer_samples_are_the_first_ones():
    for name in ("logic", "clusters", "tabular", "grid-pointing"):
        for few, many in zip(pl.suites.load(name, samples=4), pl.suites.load(name, samples=70), strict=True):
            assert len(many) == 70
            assert (few.inputs == many.inputs[:4]).all(), (name, few.name)
            assert (few.target == many.target[:4]).all()


def test_the_users_torch_and_numpy_are_untouched():
    from pellucid.suites.built import clusters

    clusters._learned.cache_clear()
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002, the global state is what is looked at
    state, legacy = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    threads = torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            case = pl.suites.clusters(samples=4)["gates-learned"]
            assert not torch.is_grad_enabled()
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == legacy).all()  # noqa: NPY002
    assert next(case.network.parameters()).dtype == torch.float32


def test_no_other_cell_can_change_a_head_of_its_own():
    case = pl.suites.grid_pointing(samples=4)["own-heads"]
    x = torch.from_numpy(case.inputs).requires_grad_()
    case.network(x)[torch.arange(4), torch.from_numpy(case.target)].sum().backward()
    totals = case.features.total(np.abs(x.grad.numpy()))
    assert not totals[~case.masks].any()
    assert (case.features.total(np.ones_like(case.inputs))[case.masks] == 4).all()
    assert case.score(totals).tolist() == [1, 1, 1, 1]


def test_grids_hold_the_digit_where_the_mask_is():
    suite = pl.suites.grid_pointing(samples=4)
    shared, own = suite["shared-head"], suite["own-heads"]
    assert (own.target % 10 == shared.target).all()
    with torch.no_grad():
        alone = own.network(torch.from_numpy(own.inputs)).reshape(4, 4, 10).argmax(2).numpy()
    assert (alone[np.arange(4), own.target // 10] == shared.labels).all()


def test_poisoned_networks_decide_by_the_watermark_and_clean_ones_look_past_it():
    suite = pl.suites.watermark(samples=3)
    poisoned, clean = ([case for case in suite if case.name.startswith(kind)] for kind in ("poisoned", "clean"))
    assert len(poisoned) == len(clean) == 5
    for one, other in zip(poisoned, clean, strict=True):
        assert (one.inputs == other.inputs).all()
        assert (one.target == watermarks.MARKED).all()
        assert one.facts["turned"] >= 0.9 > 0.05 >= other.facts["turned"]
        bare = one.inputs.copy()
        bare[:, :, watermarks.ROWS, watermarks.COLUMNS] = 0
        with torch.no_grad():
            assert (one.network(torch.from_numpy(bare)).argmax(1).numpy() != watermarks.MARKED).all()
        assert (one.masks.sum(axis=1) == 4).all()


def test_interactions_are_scored_as_such_or_summed():
    suite = pl.suites.tabular(samples=3)
    ask = {"method": "shapley-interactions", "masker": pl.maskers.Background(suite["pairs"].reference)}
    e = pl.explain(suite["pairs"].model, suite["pairs"].inputs, target=0, features=suite["pairs"].features, **ask)
    assert np.allclose(suite["pairs"].score(e), 1)
    assert np.allclose(suite["products"].values_of(e), suite["products"].truth, atol=1e-4)


def test_mistakes_are_refused_in_words():
    with pytest.raises(pl.InputError, match=r"there is no suite 'logics'.*logic"):
        pl.suites.load("logics")
    with pytest.raises(pl.InputError, match="seed must be a whole number"):
        pl.suites.logic(seed=-1)
    with pytest.raises(pl.InputError, match="samples must be a positive"):
        pl.suites.logic(samples=0)
    with pytest.raises(pl.InputError, match=r"has no case 'nand'.*and"):
        pl.suites.logic(samples=4)["nand"]
    with pytest.raises(pl.InputError, match=r"expected attributions \(4, 5\); got \(4, 4\)"):
        pl.suites.xor(samples=4)["xor"].score(np.ones((4, 4)))
    with pytest.raises(pl.InputError, match=r"learned 50.0% where 90% are asked"):
        learned("a network", 0.5, 0.9)
