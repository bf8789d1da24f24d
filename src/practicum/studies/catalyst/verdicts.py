"""From what was measured to claims with verdicts."""

from __future__ import annotations

from practicum.studies.catalyst import alignment_verdicts, data_verdicts, deep_verdicts, width_verdicts
from practicum.studies.catalyst.measurements import Found
from practicum.studies.catalyst.settings import DEEP_MOMENTUM, DEEP_OUTPUTS
from practicum.studies.claims import Claim


def judge(found: Found) -> list[Claim]:
    """Every claim of the study, in the order of the paper."""
    parts = (alignment_verdicts, width_verdicts, data_verdicts, deep_verdicts)
    return [claim for part in parts for claim in part.judge(found)]


def notes(found: Found) -> list[str]:
    """What a reader should know beside the table."""
    linear = {multiple: float(run.linear.isel(step=-1).sum()) for multiple, run in found.alignment.items()}
    dead = sum(float(run.dead.isel(step=-1).sum()) for run in found.alignment.values())
    written = [
        "A student below ρ = .95 may be unaligned, linear (it fires on every sample) or dead. In the end of the "
        f"trainings of claim (g) there are {dead:g} dead students in all seeds, and of linear ones "
        + ", ".join(f"{count:g} at {multiple}×" for multiple, count in linear.items())
        + ".",
        "Uncertainties are standard errors over seeds, of which each has its own teacher, students and data. "
        "Differences between settings are taken seed by seed.",
        f"Deep students learn with momentum {DEEP_MOMENTUM:g} and a lower rate at the end. The published rate of 0.2 "
        f"belongs to a loss averaged over the {DEEP_OUTPUTS} outputs, too, and means 0.004 here; without momentum, and "
        "with plenty of samples, training and held-out loss are still high and equal after as many updates, so that no "
        "threshold can be seen.",
    ]
    diverged = [
        f"{part} {key}"
        for part in ("sweep", "alignment", "strategies", "deep")
        for key, run in getattr(found, part).items()
        if (run.status == "diverged").any()
    ]
    if diverged:
        written.append(f"Seeds diverged, and count in no mean, in: {'; '.join(diverged)}.")
    if found.image_set == "digits":
        written.append("Fashion-MNIST was not at hand: claim (l) was measured on the digits of scikit-learn.")
    return written
