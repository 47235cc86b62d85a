"""A small invented shop's knowledge: Foxglove Lanterns, in English and Chinese."""

from __future__ import annotations

from bot.config import Site
from bot.events import Passage

SITE = Site(name="Foxglove Lanterns", contact="hello@foxglove.example")


def passage(location: str, title: str, heading: str, text: str, language: str = "en", score: float = 0.8) -> Passage:
    return Passage(
        text=text.strip(),
        title=title,
        location=location,
        score=score,
        heading=(heading,) if heading else (),
        language=language,
    )


SHIPPING = passage(
    "shipping.md",
    "Sending lanterns",
    "Prices",
    """
We send on every weekday.

| Destination | Letter | Parcel | Takes |
| --- | --- | --- | --- |
| Scotland | £2.10 | £5.40 | 2 days |
| Wales | £2.10 | £6.20 | 3 days |
| Ireland | £3.80 | £11.90 | 5 days |
| Iceland | £4.60 | £18.30 | 9 days |

Glass lanterns never travel as letters, except the Moth, which is flat.
""",
)
RETURNS = passage(
    "returns.md",
    "Sending things back",
    "Time",
    "You may send anything back within 45 days. However, candles that were lit stay with you.",
)
NO_RETURNS = passage(
    "returns.md",
    "Sending things back",
    "What cannot come back",
    """
- candles that were lit
- lanterns engraved with a name
- wick by the metre
""",
)
OLD_RETURNS = passage(
    "returns-2019.md",
    "Sending things back (old rules, orders before March 2019)",
    "Time",
    "You may send anything back within 10 days.",
)
WICK = passage(
    "wick.md",
    "Caring for a lantern",
    "Changing the wick",
    """
You need a new wick and a pair of tweezers.

1. Let the lantern cool for an hour.
2. Unscrew the burner and pull the old wick out.
3. Feed the new wick through until 4 mm stand out.
4. Screw the burner back on and wait 10 minutes before lighting.
""",
)
MOTH = passage(
    "moth.md",
    "Moth, the folding lantern",
    "Specifications",
    """
| | Moth |
| --- | --- |
| Price | £34 |
| Weight | 210 g |
| Burns for | 6 hours |
| Colours | brass, black |
""",
)
HERON = passage(
    "heron.md",
    "Heron, the standing lantern",
    "Specifications",
    """
| | Heron |
| --- | --- |
| Price | £89 |
| Weight | 1.9 kg |
| Burns for | 30 hours |
| Colours | copper |
""",
)
RAIN = passage(
    "heron.md",
    "Heron, the standing lantern",
    "Questions",
    """
**Can the Heron stay out in the rain?** No. Water would reach the burner.

**Does it smell?** Only of warm brass.
""",
)
HOURS = passage(
    "visit.md",
    "Visiting us",
    "Opening hours",
    """
| Day | Open |
| --- | --- |
| Monday | closed |
| Tuesday to Friday | 9:00–17:00 |
| Saturday | 10:00–14:00 |

On the last Saturday of a month we are closed.
""",
)
SIZES = passage(
    "glass.md",
    "Spare glass",
    "Which glass fits",
    """
| Glass | Height of the lantern | Price |
| --- | --- | --- |
| Small | 10–19 cm | £6 |
| Medium | 20–34 cm | £9 |
| Large | 35–60 cm | £15 |
""",
)
WORKSHOP = passage(
    "workshop.md",
    "Lantern workshop",
    "",
    "In our workshop you build a lantern of your own in an afternoon. It costs £48 for each person. "
    "Children under 12 may not solder. A workshop needs at least 4 people.",
)
ENGLISH = (
    SHIPPING, RETURNS, NO_RETURNS, OLD_RETURNS, WICK, MOTH, HERON, RAIN, HOURS, SIZES, WORKSHOP,
)  # fmt: skip

ZH_SHIPPING = passage(
    "zh/yunfei.md",
    "灯笼运费",
    "价格",
    """
| 目的地 | 平邮 | 包裹 | 时间 |
| --- | --- | --- | --- |
| 苏格兰 | 2.10 镑 | 5.40 镑 | 2 天 |
| 威尔士 | 2.10 镑 | 6.20 镑 | 3 天 |
| 冰岛 | 4.60 镑 | 18.30 镑 | 9 天 |
""",
    "zh",
)
ZH_RETURNS = passage(
    "zh/tuihuo.md",
    "退货说明",
    "期限",
    "收到后 45 天内可以退货。但点过的蜡烛不能退。",
    "zh",
)
ZH_WICK = passage(
    "zh/dengxin.md",
    "灯笼保养",
    "更换灯芯",
    """
1. 让灯笼冷却一小时。
2. 拧下灯头，抽出旧灯芯。
3. 穿入新灯芯，露出 4 毫米。
""",
    "zh",
)
CHINESE = (ZH_SHIPPING, ZH_RETURNS, ZH_WICK)
