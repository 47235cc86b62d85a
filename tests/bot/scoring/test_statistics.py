"""The statistics against values that others have published or that can be counted by hand, and against their laws."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.scoring.confusion import confusion, report
from bot.scoring.roc import Roc, roc
from bot.scoring.share import Share, wilson
from bot.scoring.significance import fisher_less, holm, mcnemar, median_interval

counts = st.integers(0, 300).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))
confidences = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.52, 0.75, 1.0]), min_size=1, max_size=20)


# -- shares ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(count: int, of: int, low: float, high: float) -> None:
    """To the four digits that are printed there."""
    assert wilson(count, of) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(counts)
def test_wilson_stays_a_share_around_what_was_seen(told: tuple[int, int]) -> None:
    """Within 0 to 1, around count/of, and mirrored when hits and misses change places."""
    count, of = told
    low, high = wilson(count, of)
    assert 0 <= low <= high <= 1
    assert not of or low <= count / of <= high
    other_low, other_high = wilson(of - count, of)
    assert (low, high) == (pytest.approx(1 - other_high, abs=1e-12), pytest.approx(1 - other_low, abs=1e-12))


@given(counts, st.integers(2, 20))
def test_wilson_narrows_with_more_of_the_same(told: tuple[int, int], times: int) -> None:
    """The same share of more questions is known better."""
    count, of = told
    assume(of)
    few, many = wilson(count, of), wilson(count * times, of * times)
    assert many[1] - many[0] < few[1] - few[0]


def test_a_share_that_is_none_is_refused() -> None:
    """More hits than there are is a mistake of the caller; of nothing, everything is possible."""
    with pytest.raises(ValueError, match="no share"):
        wilson(3, 2)
    assert wilson(0, 0) == (0.0, 1.0)
    assert Share.among([True, None, False, True]) == Share(count=2, of=3)


# -- tests of chance ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("better", "worse", "chance"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (5, 5, 1.0),
        (9, 1, 22 / 1024),  # 2 · (1 + 10) / 2^10
        (6, 0, 2 / 64),
        (12, 5, 0.143463),  # 2 · P(X ≤ 5), X of Bin(17, 1/2): 2 · 9402 / 131072
    ],
)
def test_mcnemar_counts_throws_of_a_coin(better: int, worse: int, chance: float) -> None:
    """The two-sided binomial test by hand."""
    assert mcnemar(better, worse) == pytest.approx(chance, abs=1e-6)


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_knows_no_direction(better: int, worse: int) -> None:
    """Better and worse weigh alike, and one more change of the side that leads makes luck less likely."""
    chance = mcnemar(better, worse)
    assert 0 < chance <= 1
    assert chance == mcnemar(worse, better)
    assert mcnemar(max(better, worse) + 1, min(better, worse)) <= chance


def test_fisher_tastes_the_tea() -> None:
    """The lady tasting tea (The Design of Experiments, 1935): of 70 ways to choose 4 cups of 8, 17 have 3 or 4 hits,
    so 69 have 3 or fewer, 1 has none."""
    assert fisher_less(3, 4, 1, 4) == pytest.approx(69 / 70)
    assert fisher_less(0, 4, 4, 4) == pytest.approx(1 / 70)
    assert fisher_less(1, 4, 3, 4) == pytest.approx(17 / 70)


@given(counts, counts)
def test_fisher_is_a_chance_and_never_accuses_the_best(group: tuple[int, int], rest: tuple[int, int]) -> None:
    """A group that lost nothing, or that is all there is, cannot be worse."""
    assert 0 < fisher_less(*group, *rest) <= 1
    assert fisher_less(group[1], group[1], *rest) == 1
    assert fisher_less(*group, 0, 0) == 1


@given(st.tuples(st.integers(1, 40), st.integers(1, 40)), st.integers(0, 40))
def test_fewer_hits_are_less_likely(sizes: tuple[int, int], hits: int) -> None:
    """With all sums given, a hit moved from the group to the rest makes luck less likely."""
    of, other_of = sizes
    group = min(hits, of)
    assume(group and other_of)
    assert fisher_less(group - 1, of, 1, other_of) < fisher_less(group, of, 0, other_of) + 1e-12


def test_holm_raises_as_published() -> None:
    """0.01, 0.04, 0.03 and 0.005: times 4, 3, 2, 1 in their order, none below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_only_raises_and_keeps_the_order(chances: list[float]) -> None:
    """No chance falls, none passes 1 or Bonferroni's, and the rarest stays the rarest."""
    raised = holm(chances)
    for alone, together in zip(chances, raised, strict=True):
        assert alone <= together <= min(1.0, len(chances) * alone) + 1e-12
    order = sorted(range(len(chances)), key=chances.__getitem__)
    assert [raised[index] for index in order] == sorted(raised)


@pytest.mark.parametrize(("size", "skipped"), [(6, 0), (8, 0), (9, 1), (10, 1), (20, 5), (25, 7), (50, 17)])
def test_the_median_lies_where_the_tables_say(size: int, skipped: int) -> None:
    """The largest number of values to leave out on either side at 95 %, as tables of the sign test print it."""
    assert median_interval(range(size)) == (skipped, size - 1 - skipped)


def test_few_values_say_nothing_of_the_median() -> None:
    """Five values lie on one side of it more often than 5 times in 100."""
    assert median_interval([]) is None
    assert median_interval([1, 2, 3, 4, 5]) is None


# -- confusion ---------------------------------------------------------------------------------------
def test_a_report_by_hand() -> None:
    """Three kinds of mood, ten lines, counted on fingers."""
    right = ["good"] * 4 + ["bad"] * 3 + ["plain"] * 3
    told = ["good", "good", "good", "bad", "bad", "bad", "plain", "plain", "good", "good"]
    found = report(confusion(zip(right, told, strict=True)))
    assert found.accuracy == Share(count=6, of=10)
    good = found.of("good")
    assert (good.precision, good.recall) == (Share(count=3, of=5), Share(count=3, of=4))
    assert good.f1 == pytest.approx(2 / 3)
    assert found.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 2 / 5) / 3)
    assert found.of("absent").recall.value is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd"))))
def test_a_report_keeps_its_sums(pairs: list[tuple[str, str]]) -> None:
    """Each label is right and told as often as it occurs; F1 lies between precision and recall; order tells nothing."""
    found = report(confusion(pairs))
    assert found.accuracy.of == sum(one.recall.of for one in found.labels) == len(pairs)
    assert sum(one.precision.of for one in found.labels) == len(pairs)
    assert sum(one.recall.count for one in found.labels) == found.accuracy.count
    for one in found.labels:
        both = (one.precision.value, one.recall.value)
        if None not in both:
            assert min(both) - 1e-12 <= one.f1 <= max(both) + 1e-12
    assert report(confusion(reversed(pairs))) == found


# -- the decline score -------------------------------------------------------------------------------
def _roc(to_decline: list[float], to_answer: list[float]) -> Roc:
    found = roc([*((True, one) for one in to_decline), *((False, one) for one in to_answer)])
    assert found
    return found


def test_the_area_by_hand() -> None:
    """Of six pairs four are in order and one is equal."""
    assert _roc([0.2, 0.5], [0.4, 0.5, 0.9]).area == pytest.approx((3 + 1.5) / 6)
    assert _roc([0.1], [0.9]).area == 1
    assert roc([(True, 0.3)]) is None and roc([]) is None


@pytest.mark.parametrize("size", [1, 2, 5, 50])
def test_without_skill_the_error_is_that_of_ranks(size: int) -> None:
    """At an area of one half the variance is that of the rank-sum test, (m + n + 1) / 12mn."""
    same = [index / size for index in range(size)]
    low, high = _roc(same, same).interval
    error = math.sqrt((2 * size + 1) / (12 * size * size))
    assert (low, high) == (pytest.approx(max(0, 0.5 - 1.959964 * error)), pytest.approx(min(1, 0.5 + 1.959964 * error)))


def test_the_error_of_an_area_by_hand() -> None:
    """0.84 over 5 and 5: (0.1344 + 4 · (0.7241 − 0.7056) + 4 · (0.7670 − 0.7056)) / 25 = 0.01816."""
    found = _roc([0.0, 0.1, 0.2, 0.45, 0.65], [0.3, 0.5, 0.6, 0.7, 0.8])
    assert found.area == pytest.approx(0.84)
    low, high = found.interval
    assert high == 1
    assert ((0.84 - low) / 1.959964) ** 2 == pytest.approx(0.01816, abs=5e-6)


@given(confidences, confidences)
def test_the_area_is_that_under_the_points(to_decline: list[float], to_answer: list[float]) -> None:
    """Counted by pairs or by trapezoids under the curve, which rises from nothing to everything."""
    found = _roc(to_decline, to_answer)
    corners = [(one.false_declines.value or 0.0, one.declines_right.value or 0.0) for one in found.points]
    assert corners[0] == (0, 0) and corners[-1] == (1, 1)
    assert corners == sorted(corners)
    strips = pairwise(corners)
    assert found.area == pytest.approx(sum((x2 - x1) * (y1 + y2) / 2 for (x1, y1), (x2, y2) in strips))
    low, high = found.interval
    assert 0 <= low <= found.area <= high <= 1


@given(confidences, confidences)
def test_the_area_knows_ranks_alone(to_decline: list[float], to_answer: list[float]) -> None:
    """Any rising scale of the confidence gives the same area; changing sides turns it round."""
    area = _roc(to_decline, to_answer).area
    scaled = _roc([math.exp(3 * one) for one in to_decline], [math.exp(3 * one) for one in to_answer])
    assert scaled.area == pytest.approx(area)
    assert _roc(to_answer, to_decline).area == pytest.approx(1 - area)


@given(confidences, confidences, st.floats(0, 1))
def test_the_best_threshold_keeps_its_limit(to_decline: list[float], to_answer: list[float], most: float) -> None:
    """No threshold with as few false declines finds more; a confidence at the threshold itself is answered."""
    found = _roc(to_decline, to_answer)
    best = found.best(most_false=most)
    assert (best.false_declines.value or 0) <= most
    for other in found.points:
        if (other.false_declines.value or 0) <= most:
            assert other.declines_right.count <= best.declines_right.count
    assert found.at(min(to_answer)).false_declines.count == 0
