"""Methods that a user leaves open: ``--method auto``, and those that a command takes where none was named."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from .. import catalog
from ..core import declare
from ..core.errors import CapabilityError, InputError
from ..core.types import MemoryFormat
from ..models.lookup import view_of
from .inputs import Samples
from .job import AUTO, Choice, Job, target

if TYPE_CHECKING:
    from ..verdict import Advice


def able(model: Any, names: Sequence[str]) -> tuple[str, ...]:
    """Those of some methods that the model has everything for.

    Raises
    ------
    CapabilityError
        If there are fewer than two.
    """
    view = view_of(model)
    found = tuple(name for name in names if catalog.method_named(name).needs <= view.capabilities)
    if len(found) < 2:
        raise CapabilityError(f"of {', '.join(names)} this model allows {', '.join(found) or 'none'}; name others with --method.")
    return found


def advice_for(job: Job, model: Any, samples: Samples, **settings: Any) -> Advice:
    """What to take for the samples and the target of a job.

    Raises
    ------
    InputError
        If several targets or layers are asked for.
    """
    from ..verdict import advise

    if len(job.targets) > 1 or len(job.at) > 1 or job.wrt:
        raise InputError("a method is chosen for one --target, one --at, and the whole input: no --wrt.")
    return advise(
        model,
        samples.x,
        target=target(next(iter(job.targets))),
        at=next(iter(job.layers), None),
        features=job.features_of(model, samples, {}),
        seed=job.seed,
        batch_size=job.batch_size,
        memory_format=cast("MemoryFormat | None", job.memory_format),
        **settings,
    )


def chosen(job: Job, model: Any, samples: Samples) -> tuple[Job, dict[str, dict[str, Any]]]:
    """The job with the method that was chosen in the place of ``auto``, and the parameters that this takes.

    A method that was named beside it is not explained twice.
    """
    advice = advice_for(job, model, samples)
    best, method = advice.best, advice.method
    given = {p.name: held for p in declare.parameters(method) if (held := getattr(method, p.name)) is not p.default}
    rows = advice.cost.forward_rows + advice.cost.backward_rows
    why = f"--method auto took {best}: {advice.reason} ({rows} model rows); `pellucid advise` has the table of reasons"
    named = tuple(dict.fromkeys(best if name == AUTO else name for name in job.methods))
    choice = Choice(best, (why, *advice.notes), AUTO if given else best)
    return dataclasses.replace(job, methods=named, choice=choice), ({} if best in job.methods else {best: given})
