"""What is done for people in Slack on the side: a status, a title, a word of thanks."""

from __future__ import annotations

from adapters import courtesies
from adapters.slack.api import Busy, SlackError
from bot.metrics import Metrics


class Courtesies(courtesies.Courtesies):
    def __init__(self, metrics: Metrics) -> None:
        counted = metrics.counter("slack_courtesies", "Statuses, titles and prompts set on the side.", "outcome")
        super().__init__("slack", counted, busy=Busy, refused=SlackError)
