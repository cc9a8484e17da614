"""What importing Pellucid must not cost."""

import json
import subprocess
import sys

HEAVY = ("torch", "jax", "tensorflow", "keras", "onnx", "onnxruntime", "matplotlib", "pandas", "captum", "shap", "skimage", "ray")


def _loaded(code: str) -> set[str]:
    script = f"{code}\nimport sys, json; print(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    ran = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(ran.stdout.strip().splitlines()[-1]))


def test_importing_pellucid_loads_no_framework():
    assert not _loaded("import pellucid") & set(HEAVY)


def test_the_catalog_loads_no_framework():
    assert not _loaded("import pellucid as pl; repr(pl.methods()); pl.methods()['grad-cam']") & set(HEAVY)


def test_explaining_with_torch_loads_no_other_framework():
    code = "import torch, pellucid as pl; pl.explain(torch.nn.Linear(2, 2), torch.ones(1, 2))"
    assert not _loaded(code) & (set(HEAVY) - {"torch"})


def test_explaining_a_jax_function_does_not_load_torch():
    code = "import jax, pellucid as pl; pl.explain(jax.jit(lambda x: x * 2), jax.numpy.ones((1, 2)), target=0, steps=2)"
    assert "torch" not in _loaded(code)


def test_torch_models_that_were_never_compiled_do_not_load_the_compiler():
    code = (
        "import torch, pellucid as pl, sys; pl.explain(torch.nn.Linear(2, 2), torch.ones(1, 2));"
        "assert 'torch._dynamo' not in sys.modules"
    )
    _loaded(code)
