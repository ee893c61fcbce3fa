"""Equal-area projections chosen by the extent of the boundaries."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

#: Countries with a customary equal-area projection, by the first part of their units' ids. China: the Albers projection
#: of its national atlases (standard parallels 25° and 47° N, central meridian 105° E), on WGS 84 as the boundaries are.
CUSTOMARY = {"CN": "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +datum=WGS84 +units=m +no_defs"}

_LEAST_MEAN_LATITUDE = 15.0


def choose_projection(bounds: Sequence[float], longitudes: Sequence[tuple[float, float]], ids: Iterable[str]) -> str:
    """A PROJ string for boundaries in geographic coordinates.

    The customary one of the country that all `ids` (``CN-GZ`` …) belong to; else Albers' conic with standard parallels
    one sixth of the latitude range inside its ends (Deetz & Adams 1921; Snyder 1987, p. 99) where the area lies at
    middle latitudes and is wider than high; else Lambert's azimuthal equal-area, centred. China's own parallels follow
    from the same rule (18°–54° N give 24° and 48°), rounded by custom.

    Parameters
    ----------
    bounds : south-west and north-east corner in degrees (west, south, east, north).
    longitudes : west and east end of each polygon, by which a country on the 180° meridian is recognised.
    """
    countries = {identifier.split("-")[0] for identifier in ids if "-" in identifier}
    if len(countries) == 1 and (country := countries.pop()) in CUSTOMARY:
        return CUSTOMARY[country]
    _, south, _, north = bounds
    centre, width = longitude_span(longitudes)
    middle = (south + north) / 2
    height = north - south
    if abs(middle) >= _LEAST_MEAN_LATITUDE and south * north > 0 and width * math.cos(math.radians(middle)) >= height:
        low, high = south + height / 6, north - height / 6
        return (
            f"+proj=aea +lat_1={low:.2f} +lat_2={high:.2f} +lat_0={middle:.2f} +lon_0={centre:.2f} "
            "+datum=WGS84 +units=m +no_defs"
        )
    return f"+proj=laea +lat_0={middle:.2f} +lon_0={centre:.2f} +datum=WGS84 +units=m +no_defs"


def longitude_span(longitudes: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Centre and width in degrees of the shortest arc that holds every interval: the complement of the largest gap."""
    ordered = sorted(longitudes)
    west, reach = ordered[0]
    gaps: list[tuple[float, float]] = []
    for start, end in ordered[1:]:
        if start > reach:
            gaps.append((start - reach, start))
        reach = max(reach, end)
    gaps.append((west + 360 - reach, west + 360))
    size, after = max(gaps)
    width = 360 - size
    centre = after + width / 2
    return (centre + 180) % 360 - 180, width
