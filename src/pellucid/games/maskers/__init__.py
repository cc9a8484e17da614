"""What removing a feature means, one file each: ``pl.maskers.Constant(0.0)``.

``masker.py`` what a masker is; ``entries.py`` ``rows.py`` ``encoding.py`` leaves, masks and background rows, for all of them;
``summary.py`` few rows for many; ``drawn.py`` ``gaussian.py`` ``agreement.py`` ``trees.py`` distributions given what is kept;
``imputed.py`` ``words.py`` what maskers of images and of texts share; all others are maskers.
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
