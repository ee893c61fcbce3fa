"""Moran's I of crime in Columbus, of its residuals and neighbourhood by neighbourhood, as esda and spreg have it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import integrate, sparse

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.parts import SpatialWeights
from ruralpanel.estimate.base.results import Further
from ruralpanel.estimate.diagnostics import moran_of_residuals
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.places.autocorrelation import local_moran, moran
from ruralpanel.estimate.places.matrix_files import read_matrix
from ruralpanel.estimate.places.weights import standardised

DATA = Path(__file__).parent / "data"
IDS = tuple(str(i) for i in range(1, 50))

# esda 2.9.0: Moran and Moran_Local with rows that sum to one, 99,999 permutations. Its local statistics divide by the
# variance over N − 1, ours by that over N as in Anselin (1995); its p-values are one-sided.
CRIME = {
    "I": 0.5001885571828611, "z_normality": 5.630312787738188, "z_randomisation": 5.58938267504451,
    "p_normality": 1.7988309915890043e-08, "p_randomisation": 2.2787827007824768e-08,
}  # fmt: skip
HOUSES = {"I": 0.180093114317273, "p_normality": 0.02991083429094322, "p_randomisation": 0.027308521202947727}
LOCAL = [
    0.7217813786, 0.5179856456, 0.0919354204, 0.0047225796, 0.2974100814, -0.1778649962, -1.8226162046, 0.0750210788,
    -0.0299706922, 0.0394866147, 1.428162041, 0.625909084, 0.1227240856, 0.6027066525, 0.7198470952, 1.2134907377,
    -0.1058886158, 0.5064992408, 0.7836794698, 0.334442243, 0.151777301, -0.0039426549, 0.8824647865, 0.2238632274,
    1.3874392076, 0.2816631421, -0.1214435123, 0.9570150653, 1.524856685, 1.6213925322, 0.9974921659, 1.2145518727,
    0.052509689, 0.5176367799, -0.0293429919, 1.2178702259, 0.4146093167, 0.5657597612, 1.0853353608, 0.949516276,
    0.8147049735, 1.0643786175, 0.0056594958, -0.0202492619, 0.066567027, 1.2240369331, 0.4581341665, 0.1993857954,
    0.3559458218,
]  # fmt: skip
QUADRANTS = "3333122123111111411312311141113313431133331233333"
LOCAL_P = [
    0.3717, 0.3399, 0.4837, 0.9528, 0.2999, 0.647, 0.0742, 0.3255, 0.7557, 0.2314, 0.0261, 0.1815, 0.6946, 0.2047,
    0.0159, 0.0007, 0.0704, 0.043, 0.2194, 0.459, 0.3745, 0.9089, 0.0746, 0.0003, 0.0027, 0.0325, 0.8568, 0.0093,
    0.0016, 0.036, 0.0799, 0.0044, 0.7765, 0.1016, 0.749, 0.0136, 0.0113, 0.1629, 0.0347, 0.0379, 0.1285, 0.1647,
    0.8662, 0.9498, 0.7074, 0.0908, 0.1245, 0.4142, 0.3995,
]  # fmt: skip
"""Twice the smaller tail of esda's own simulated local statistics."""

# spreg 1.9.0: OLS(spat_diag=True, moran=True) of crime on income and house value; its p-value is .00452.
RESIDUALS = {"I": 0.22210940657867695, "z": 2.8393189345137}


@pytest.fixture(scope="module")
def table() -> dict[str, np.ndarray[Any, Any]]:
    with (DATA / "columbus.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in ("crime", "income", "house_value")}


@pytest.fixture(scope="module")
def weights() -> sparse.csr_array:
    return standardised(read_matrix(str(DATA / "columbus.gal"), IDS), "row")


def test_morans_i_and_its_moments(table: dict[str, np.ndarray[Any, Any]], weights: sparse.csr_array) -> None:
    found = moran(table["crime"], weights, 9999, np.random.default_rng(1))
    assert found.statistic == pytest.approx(CRIME["I"], rel=1e-12) and found.expected == -1 / 48
    for name in ("z_normality", "z_randomisation", "p_normality", "p_randomisation"):
        assert getattr(found, name) == pytest.approx(CRIME[name], rel=1e-9)
    assert found.p_permutation == 2 / 10_000
    houses = moran(table["house_value"], weights, 99_999, np.random.default_rng(2))
    assert houses.statistic == pytest.approx(HOUSES["I"], rel=1e-12)
    assert houses.p_normality == pytest.approx(HOUSES["p_normality"], rel=1e-9)
    assert houses.p_randomisation == pytest.approx(HOUSES["p_randomisation"], rel=1e-9)
    assert houses.p_permutation == pytest.approx(
        2 * 0.0218, abs=0.003
    )  # esda's one-sided .0218, Monte Carlo error .0009


def test_local_morans_i(table: dict[str, np.ndarray[Any, Any]], weights: sparse.csr_array) -> None:
    found = local_moran(table["crime"], weights, 9999, np.random.default_rng(1))
    np.testing.assert_allclose(found.statistic * 48 / 49, LOCAL, atol=2e-10)
    names = {"1": "HH", "2": "LH", "3": "LL", "4": "HL"}
    assert found.quadrant == tuple(names[q] for q in QUADRANTS)
    # Monte Carlo error of a p-value near .5 of 9,999 draws, twice a tail: .01
    np.testing.assert_allclose(found.p_value, LOCAL_P, atol=0.04)
    small = np.array(LOCAL_P) < 0.02
    np.testing.assert_allclose(found.p_value[small], np.array(LOCAL_P)[small], atol=0.008)


def test_morans_i_of_residuals(table: dict[str, np.ndarray[Any, Any]], weights: sparse.csr_array) -> None:
    x = np.column_stack([table["income"], table["house_value"]])
    order = np.argsort(np.array(IDS))  # designs sort units by name
    d = design_from_arrays(
        table["crime"], x, IDS, estimator="pooled",
        extra=Further(
            weights_matrix=sparse.csr_array(weights[order][:, order]), weights_about=SpatialWeights(standardise="row")
        ),
    )  # fmt: skip
    found = fit(d)
    np.testing.assert_allclose(found.params, [-1.59731083, -0.27393148], atol=1e-8)
    result = moran_of_residuals(d, found, 4, 20_000)
    assert result is not None and result.test.statistic == pytest.approx(RESIDUALS["I"], rel=1e-9)
    (only,) = result.about.by_period
    assert only.period is None and only.units == 49 and only.statistic == result.test.statistic
    # the mean under independence, tr(MW)/(n − k) · n/S0, and spreg's z from the normal approximation
    z = np.column_stack([np.ones(49), x[order]])
    left = np.eye(49) - z @ np.linalg.pinv(z)
    form = left @ d.extra.weights_matrix.toarray() @ left
    form = (form + form.T) / 2
    mean = np.trace(form) / 46
    variance = (2 * np.trace(form @ form) + np.trace(form) ** 2) / (46 * 48) - mean**2
    assert (RESIDUALS["I"] - mean) / np.sqrt(variance) == pytest.approx(RESIDUALS["z"], rel=1e-9)
    assert only.expected == pytest.approx(mean, abs=0.003)
    # the statistic is skewed: its tail by Imhof's integral is more than twice the normal one. Monte Carlo error .001
    exact = 2 * imhof(np.linalg.eigvalsh(form - RESIDUALS["I"] * left))
    assert exact > 2 * 0.004520994474334204
    assert result.test.p_value == pytest.approx(exact, abs=0.003)


def imhof(values: np.ndarray[Any, Any]) -> float:
    """P(sum of values · χ²(1) > 0), Imhof (1961)."""
    roots = values[np.abs(values) > 1e-10]

    def integrand(u: float) -> float:
        angle = 0.5 * float(np.sum(np.arctan(roots * u)))
        return float(np.sin(angle) / (u * np.prod((1 + roots**2 * u**2) ** 0.25)))

    return 0.5 + float(integrate.quad(integrand, 0, np.inf, limit=500)[0]) / np.pi
