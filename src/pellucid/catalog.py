"""Everything that can be named: the explicit list of methods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .attribution.cam.ablation_cam import AblationCAM
from .attribution.cam.cam import CAM
from .attribution.cam.eigen_cam import EigenCAM
from .attribution.cam.eigen_grad_cam import EigenGradCAM
from .attribution.cam.full_grad import FullGrad
from .attribution.cam.grad_cam import GradCAM
from .attribution.cam.grad_cam_plus_plus import GradCAMPlusPlus
from .attribution.cam.hires_cam import HiResCAM
from .attribution.cam.layer_cam import LayerCAM
from .attribution.cam.score_cam import ScoreCAM
from .attribution.cam.xgrad_cam import XGradCAM
from .attribution.path.blur_ig import BlurIG
from .attribution.path.conductance import Conductance
from .attribution.path.expected_gradients import ExpectedGradients
from .attribution.path.guided_ig import GuidedIG
from .attribution.path.input_x_gradient import InputXGradient
from .attribution.path.integrated_gradients import IntegratedGradients
from .attribution.path.integrated_hessians import IntegratedHessians
from .attribution.path.internal_influence import InternalInfluence
from .attribution.path.output_gradient import OutputGradient
from .attribution.path.saliency import Saliency
from .attribution.path.smoothgrad import SmoothGrad
from .attribution.path.smoothgrad_squared import SmoothGradSquared
from .attribution.path.vargrad import VarGrad
from .attribution.removal.banzhaf import Banzhaf
from .attribution.removal.leave_one_out import LeaveOneOut
from .attribution.removal.lime import LIME
from .attribution.removal.linear_surrogate import LinearSurrogate
from .attribution.removal.occlusion import Occlusion
from .attribution.removal.rise import RISE
from .attribution.removal.shapley import Shapley
from .attribution.removal.shapley_interactions import ShapleyInteractions
from .core.declare import Method, Parameter, parameters
from .core.errors import InputError, nearest
from .core.extras import require
from .core.measure import Metric
from .metrics.axioms.completeness import Completeness
from .metrics.axioms.dummy import Dummy
from .metrics.axioms.input_invariance import InputInvariance
from .metrics.axioms.non_sensitivity import NonSensitivity
from .metrics.axioms.symmetry import Symmetry
from .metrics.complexity.effective_complexity import EffectiveComplexity
from .metrics.complexity.entropy import Entropy
from .metrics.complexity.sparseness import Sparseness
from .metrics.faithfulness.aopc import AOPC
from .metrics.faithfulness.aopc_lerf import AOPCLeRF
from .metrics.faithfulness.average_drop import AverageDrop
from .metrics.faithfulness.average_increase import AverageIncrease
from .metrics.faithfulness.comprehensiveness import Comprehensiveness
from .metrics.faithfulness.deletion import Deletion
from .metrics.faithfulness.faithfulness_correlation import FaithfulnessCorrelation
from .metrics.faithfulness.faithfulness_estimate import FaithfulnessEstimate
from .metrics.faithfulness.infidelity import Infidelity
from .metrics.faithfulness.insertion import Insertion
from .metrics.faithfulness.irof import IROF
from .metrics.faithfulness.monotonicity import Monotonicity
from .metrics.faithfulness.mu_fidelity import MuFidelity
from .metrics.faithfulness.normalised_aopc import NormalisedAOPC
from .metrics.faithfulness.pgi import PGI
from .metrics.faithfulness.pgu import PGU
from .metrics.faithfulness.pixel_flipping import PixelFlipping
from .metrics.faithfulness.road import ROAD
from .metrics.faithfulness.scaled_infidelity import ScaledInfidelity
from .metrics.faithfulness.sensitivity_n import SensitivityN
from .metrics.faithfulness.srg import SRG
from .metrics.faithfulness.sufficiency import Sufficiency
from .metrics.localisation.focus import Focus
from .metrics.localisation.localisation_auc import LocalisationAUC
from .metrics.localisation.pointing_game import PointingGame
from .metrics.localisation.relevance_mass import RelevanceMass
from .metrics.localisation.relevance_rank import RelevanceRank
from .metrics.localisation.top_k import TopK
from .metrics.randomisation.efficient_parameter_randomisation import EfficientParameterRandomisation
from .metrics.randomisation.parameter_randomisation import ParameterRandomisation
from .metrics.randomisation.random_logit import RandomLogit
from .metrics.randomisation.smooth_parameter_randomisation import SmoothParameterRandomisation
from .metrics.robustness.average_sensitivity import AverageSensitivity
from .metrics.robustness.local_lipschitz import LocalLipschitz
from .metrics.robustness.max_sensitivity import MaxSensitivity
from .metrics.robustness.relative_input_stability import RelativeInputStability
from .metrics.robustness.relative_output_stability import RelativeOutputStability
from .metrics.robustness.relative_representation_stability import RelativeRepresentationStability

if TYPE_CHECKING:
    import pandas as pd

METHODS: tuple[type[Method], ...] = (
    Saliency,
    InputXGradient,
    OutputGradient,
    IntegratedGradients,
    BlurIG,
    GuidedIG,
    ExpectedGradients,
    SmoothGrad,
    SmoothGradSquared,
    VarGrad,
    Conductance,
    InternalInfluence,
    IntegratedHessians,
    CAM,
    GradCAM,
    GradCAMPlusPlus,
    XGradCAM,
    HiResCAM,
    LayerCAM,
    EigenCAM,
    EigenGradCAM,
    ScoreCAM,
    AblationCAM,
    FullGrad,
    Occlusion,
    LeaveOneOut,
    RISE,
    Shapley,
    Banzhaf,
    ShapleyInteractions,
    LIME,
    LinearSurrogate,
)


METRICS: tuple[type[Metric], ...] = (
    Deletion,
    Insertion,
    PixelFlipping,
    AOPC,
    AOPCLeRF,
    NormalisedAOPC,
    SRG,
    ROAD,
    IROF,
    FaithfulnessCorrelation,
    FaithfulnessEstimate,
    MuFidelity,
    SensitivityN,
    Infidelity,
    ScaledInfidelity,
    Monotonicity,
    Sufficiency,
    Comprehensiveness,
    PGI,
    PGU,
    AverageDrop,
    AverageIncrease,
    PointingGame,
    RelevanceMass,
    RelevanceRank,
    TopK,
    LocalisationAUC,
    Focus,
    Sparseness,
    Entropy,
    EffectiveComplexity,
    Completeness,
    Dummy,
    Symmetry,
    NonSensitivity,
    InputInvariance,
    MaxSensitivity,
    AverageSensitivity,
    LocalLipschitz,
    RelativeInputStability,
    RelativeOutputStability,
    RelativeRepresentationStability,
    ParameterRandomisation,
    SmoothParameterRandomisation,
    EfficientParameterRandomisation,
    RandomLogit,
)


@dataclass(frozen=True)
class MethodInfo:
    """One line of the catalog."""

    name: str
    engine: str
    summary: str
    needs: tuple[str, ...]
    modalities: tuple[str, ...]
    axioms: tuple[str, ...]
    citations: tuple[str, ...]
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class MethodTable:
    """The catalog as a table: iterate, look up by name, print, or ``to_frame()``."""

    rows: tuple[MethodInfo, ...]

    def __iter__(self) -> Iterator[MethodInfo]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> MethodInfo:
        found = {row.name: row for row in self.rows}
        if name not in found:
            raise InputError(f"there is no method {name!r}.{nearest(name, found)}")
        return found[name]

    def to_frame(self) -> pd.DataFrame:
        """A pandas frame; needs the ``frames`` extra."""
        pandas = require("pandas", "frames", "to_frame()")
        return pandas.DataFrame([{k: v for k, v in vars(row).items() if k != "parameters"} for row in self.rows])

    def __repr__(self) -> str:
        width = max(len(row.name) for row in self.rows)
        return "\n".join(f"{row.name.ljust(width)}  {row.engine.ljust(4)}  {row.summary}" for row in self.rows)


def methods() -> MethodTable:
    """All attribution methods: name, engine, needs, axioms, citation, parameters.

    Returns
    -------
    MethodTable
        Iterate, look up by name, print, or ``to_frame()``.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.methods()["saliency"].engine
    'path'
    """
    return MethodTable(
        tuple(
            MethodInfo(m.name, m.engine, m.summary, tuple(sorted(m.needs)), m.modalities, m.axioms, m.cite, parameters(m))
            for m in METHODS
        )
    )


def method_named(name: str) -> type[Method]:
    """The method of this name, or an error with the nearest names."""
    found = {m.name: m for m in METHODS}
    if name not in found:
        raise InputError(f"there is no method {name!r}.{nearest(name, found)}")
    return found[name]


def metric_named(name: str) -> type[Metric]:
    """The metric of this name, or an error with the nearest names."""
    found = {m.name: m for m in METRICS}
    if name not in found:
        raise InputError(f"there is no metric {name!r}.{nearest(name, found)}")
    return found[name]
