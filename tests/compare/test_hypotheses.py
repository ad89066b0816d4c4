"""Statistics against published examples and against enumeration."""

import itertools

import numpy as np
import pytest
from scipy import stats
from scipy.stats import rankdata

from gp_cells.compare import hypotheses
from gp_cells.compare.intervals import band, interval, interval_of_difference

# Areas under the curve of C4.5 on 14 data sets: plain, with parameter m, with cf, with both (Demšar 2006,
# table 6). The third of `voting` is printed as 0.975, but ranked above the fourth.
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.97501, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_average_ranks_are_those_that_demsar_prints():
    ranks = hypotheses.average_ranks(-DEMSAR)  # there higher is better

    assert ranks == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)


def test_friedman_finds_what_demsar_finds():
    # He prints chi² = 9.28 without the correction for ties that scipy makes: p 0.0258.
    assert 0.01 < hypotheses.friedman(DEMSAR) < 0.0258


@pytest.mark.parametrize(
    ("strategies", "q"),
    [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (7, 2.949), (10, 3.164)],
)
def test_critical_differences_rest_on_the_published_values(strategies, q):
    expected = q * (strategies * (strategies + 1) / (6 * 14)) ** 0.5

    assert hypotheses.critical_difference(strategies, 14) == pytest.approx(expected, abs=1e-3)


def test_holm_corrects_step_by_step():
    # statsmodels 0.15, multipletests(method="holm")
    assert hypotheses.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert hypotheses.holm([0.5, 0.9]) == [1.0, 1.0]
    assert hypotheses.holm([]) == []


def enumerated(differences):
    """Return the exact p of the signed-rank test with Pratt's zeros, by trying all signs."""
    ranks = rankdata(np.abs(differences)) * (np.asarray(differences) != 0)
    observed = abs((ranks * np.sign(differences)).sum())
    signs = itertools.product([-1, 1], repeat=len(differences))
    sums = np.array([abs((ranks * np.array(sign)).sum()) for sign in signs])
    return (sums >= observed - 1e-9).mean()


@pytest.mark.parametrize(
    "differences",
    [
        [1.0, 2.0, 3.0, 4.0, 5.0],
        [-1.0, 2.0, 3.0, -4.0, 5.0, 6.0, 7.0],
        [1.0, 1.0, -1.0, 2.0, 3.0],
        [0.0, 1.0, 2.0, 3.0, 4.0],
        [0.0, 0.0, -1.0, 2.0, 2.0, 5.0],
        [0.0, 0.0, 0.0],
    ],
)
def test_wilcoxon_is_exact_also_with_ties_and_zeros(differences):
    assert hypotheses.wilcoxon(differences) == pytest.approx(enumerated(differences))


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_the_smallest_p_is_that_of_differences_of_one_sign(n):
    assert hypotheses.smallest_p(n) == pytest.approx(hypotheses.wilcoxon(list(range(1, n + 1))))


def test_variance_components_give_the_intraclass_correlation_of_shrout_and_fleiss():
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]

    components = hypotheses.variance_components(np.array(ratings, dtype=float))

    assert components[0] / sum(components) == pytest.approx(0.290, abs=5e-4)  # their ICC(2,1)


def test_a_seed_that_is_good_for_all_is_not_taken_for_noise_of_one():
    losses = np.array([[1.00, 1.10], [1.01, 1.11], [1.02, 1.12], [1.03, 1.13]])

    architecture, seed, rest = hypotheses.variance_components(losses)

    assert rest == pytest.approx(0.0, abs=1e-12)
    assert seed == pytest.approx(0.005)
    assert architecture == pytest.approx(np.var([1.00, 1.01, 1.02, 1.03], ddof=1))


def test_effects_have_the_sign_of_the_differences():
    assert hypotheses.rank_biserial([-1.0, -2.0, -3.0]) == -1.0
    assert hypotheses.rank_biserial([1.0, 2.0, -3.0]) == 0.0
    assert hypotheses.rank_biserial([1.0, 2.0, 3.0, -4.0]) == pytest.approx(0.2)
    assert hypotheses.rank_biserial([0.0, 0.0]) == 0.0


def test_the_probability_of_improvement_counts_pairs_and_half_the_ties():
    assert hypotheses.probability_of_improvement([1.0, 2.0], [3.0, 4.0]) == 1.0
    assert hypotheses.probability_of_improvement([3.0, 4.0], [1.0, 2.0]) == 0.0
    assert hypotheses.probability_of_improvement([1.0, 3.0], [1.0, 2.0]) == (0.5 + 1 + 0 + 0) / 4


def test_the_interval_of_a_rank_correlation_is_bonett_and_wrights():
    low, high = hypotheses.interval_of_rank_correlation(0.5, 28)

    # atanh(0.5) ± 1.96 √(1.125 / 25)
    assert (low, high) == pytest.approx((0.1328, 0.7466), abs=1e-4)


def test_a_perfect_rank_correlation_has_no_interval():
    assert hypotheses.interval_of_rank_correlation(1.0, 9) == (None, None)


def test_an_interval_takes_three_repetitions():
    assert interval([1.0, 2.0]) == (None, None)
    assert interval([2.0, 2.0, 2.0]) == (2.0, 2.0)
    assert interval_of_difference([1.0, 2.0], [1.0, 2.0]) == (None, None)
    assert interval_of_difference([1.0, 2.0, 3.0], [1.0]) == (None, None)
    assert interval_of_difference([1.0, 1.0, 1.0], [3.0, 3.0]) == (-2.0, -2.0)


def test_the_interval_of_a_difference_is_welchs():
    left, right = [1.0, 2.0, 4.0, 5.0], [2.0, 2.5, 3.5]
    expected = stats.ttest_ind(left, right, equal_var=False).confidence_interval()

    assert interval_of_difference(left, right) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("n", [3, 5, 30])
def test_an_interval_covers_the_mean_as_often_as_it_says_also_with_few(n):
    rng = np.random.default_rng(1)
    bounds = np.array([interval(rng.normal(size=n)) for _ in range(1000)], float)

    assert 0.93 < np.mean([low < 0 < high for low, high in bounds]) < 0.97


def test_a_band_is_the_same_each_time_and_of_equal_curves_a_line():
    losses = np.array([[1.0, 2.0], [4.0, 2.0], [2.0, 2.0]])

    (low, high), again = band(losses), band(losses)

    assert (low == again[0]).all()
    assert 1.0 <= low[0] < high[0] <= 4.0
    assert low[1] == high[1] == 2.0
