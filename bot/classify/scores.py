"""How good a classifier is: what it told of lines whose labels are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bot.classify.lines import Labelled, Line
from bot.classify.model import Classifier, likeliest
from bot.scoring.confusion import confusion, report
from bot.scoring.share import Share
from bot.scoring.tables import Table, confusion_table, labels_table


def told_of(classifier: Classifier, lines: Sequence[Line]) -> tuple[str, ...]:
    """The likeliest label of each line."""
    return tuple(likeliest(classifier.probabilities(line.text))[0] for line in lines)


def balance_table(found: Labelled) -> Table:
    """How many lines each label has, and what was left out."""
    counts, of = Counter(line.label for line in found.lines), len(found.lines)
    left = [(found.repeated, "said the same as another"), (found.contradicting, "had several labels for one text")]
    return Table(
        title="Lines",
        heads=("label", "lines"),
        rows=tuple((label, str(Share(count=counts[label], of=of))) for label in found.labels),
        note="; ".join(f"{count} left out that {why}" for count, why in left if count),
    )


def tables(lines: Sequence[Line], told: Sequence[str]) -> list[Table]:
    """Accuracy, precision, recall and F1, the confusion matrix and, where languages are named, accuracy by language."""
    counted = confusion((line.label, label) for line, label in zip(lines, told, strict=True))
    found = [labels_table(report(counted)), confusion_table(counted)]
    if any(line.lang for line in lines):
        found.append(_languages_table(lines, told))
    return found


def _languages_table(lines: Sequence[Line], told: Sequence[str]) -> Table:
    rows = []
    for lang in sorted({line.lang for line in lines}):
        pairs = [(line.label, label) for line, label in zip(lines, told, strict=True) if line.lang == lang]
        one = report(confusion(pairs))
        low, high = one.accuracy.interval
        rows.append((lang or "–", str(one.accuracy), f"{100 * low:.0f}–{100 * high:.0f} %", f"{one.macro_f1:.3f}"))
    return Table(title="By language", heads=("language", "accuracy", "95 % interval", "mean F1"), rows=tuple(rows))
