"""What removing a feature means, one file each: ``pl.maskers.Constant(0.0)``.

Maskers: constant, mean, background, conditional, blur, noisy_linear, inpaint, interpolate, mask_token, delete. What they share:
masker (what one is), entries and encoding (rows of a leaf), rows and summary (of a background), drawn (draws given what is kept:
gaussian, agreement, trees), imputed (of images), words (of texts).
"""

from .background import Background
from .blur import Blur
from .conditional import Conditional
from .constant import Constant
from .delete import Delete
from .inpaint import Inpaint
from .interpolate import Interpolate
from .mask_token import MaskToken
from .mean import Mean
from .noisy_linear import NoisyLinear

__all__ = [
    "Background",
    "Blur",
    "Conditional",
    "Constant",
    "Delete",
    "Inpaint",
    "Interpolate",
    "MaskToken",
    "Mean",
    "NoisyLinear",
]
