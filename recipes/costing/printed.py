"""Energy and carbon as publications work them out: hours times the largest draw of a device, not what was metered."""

from __future__ import annotations

from lehr.recipes.catalogue.recipe_files import RunFigure
from lehr.recipes.errors import LehrError
from lehr.simulators.evidence import Candidate, Reported
from lehr.simulators.machine.energy import drawn


def energy_candidates(hours: float | None, row: Reported) -> dict[str, list[Candidate]]:
    """Energy [MWh] and carbon [t] of published accelerator-hours, by what the publication reckons with.

    >>> from lehr.recipes.catalogue.recipe_files import Figured
    >>> row = RunFigure(quantity="carbon_t", printed="14", source="a", place="Table 15",
    ...                 at=Figured(watts=400, pue=1.1, carbon=0.385))
    >>> found = energy_candidates(82432, row)
    >>> [round(found[name][0].value, 2) for name in ("energy_mwh", "carbon_t")]
    [36.27, 13.96]

    Raises ``LehrError`` for a row of energy or carbon that does not say at what.
    """
    at = row.at if isinstance(row, RunFigure) else None
    if at is None:
        if row.quantity in ("energy_mwh", "carbon_t") and row.known_cause is None:
            raise LehrError(
                f"reported {row.quantity} ({row.source}): write at: {{watts: 400, pue: 1.1, carbon: 0.385}}"
            )
        return {"energy_mwh": [], "carbon_t": []}
    counted = at.hours or hours
    energy = None if counted is None else drawn(counted, at.watts, at.pue)
    carbon = None if energy is None or at.carbon is None else energy * at.carbon
    said = f"published hours at {at.watts:g} W" + (f", PUE {at.pue:g}" if at.pue != 1 else "")
    by = "" if at.carbon is None else f", {at.carbon:g} kg/kWh"
    return {
        "energy_mwh": [Candidate(said, energy, "MWh")],
        "carbon_t": [Candidate(said + by, carbon, "t")],
    }
