"""The chart of `frontdesk eval`: what a threshold of the confidence does, and the ROC. Drawn by matplotlib."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from bot.errors import UsageError
from bot.scoring.declines import threshold_of
from bot.scoring.judge import Score
from bot.scoring.roc import Roc


def need_matplotlib() -> None:
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("--chart draws with matplotlib, which is not installed: pip install 'frontdesk[charts]'.")


def draw(curve: Roc, scores: Sequence[Score], file: Path) -> None:
    """Declines right and false over the threshold, and one over the other, the threshold in use marked, as SVG.

    The same curve gives the same bytes.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "frontdesk", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(8.4, 3.6), layout="constrained")
        over, roc = figure.subplots(1, 2)
        # A confidence is at most 1, so the last point, where everything is declined, lies there.
        thresholds = [min(1.0, point.threshold) for point in curve.points]
        right = [100 * (point.declines_right.value or 0) for point in curve.points]
        false = [100 * (point.false_declines.value or 0) for point in curve.points]
        over.step(thresholds, right, where="pre", label="declines right")
        over.step(thresholds, false, where="pre", label="false declines")
        over.set(title="Declines over the threshold", xlabel="threshold of the confidence", ylabel="%", xlim=(0, 1))
        roc.plot(false, right, label=f"area {curve.area:.3f}")
        roc.plot([0, 100], [0, 100], linewidth=0.5, linestyle="--", color="grey", label="chance")
        roc.set(title="ROC of the decline score", xlabel="false declines, %", ylabel="declines right, %")
        if (threshold := threshold_of(scores)) is not None:
            here = curve.at(threshold)
            over.axvline(threshold, color="grey", linewidth=0.8, label=f"in use: {threshold:.3g}")
            at = (100 * (here.false_declines.value or 0), 100 * (here.declines_right.value or 0))
            roc.plot(*at, marker="o", linestyle="", color="black", label=f"in use: {threshold:.3g}")
        for axes in (over, roc):
            axes.grid(visible=True, linewidth=0.3)
            axes.legend(frameon=False)
        figure.savefig(file, format="svg", metadata={"Date": None})
