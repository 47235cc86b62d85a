"""What is counted and timed. One `Metrics` for a process, made by the desk and handed down; no global registry."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The process's figures. Labels never hold an id or a text: their number stays bounded."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.accepted = self.counter("messages_accepted", "Messages made durable.", "channel")
        self.duplicates = self.counter("messages_duplicate", "Messages that were known already.", "channel")
        self.refused = self.counter("messages_refused", "Messages not taken.", "channel", "reason")
        self.ended = self.counter("messages_ended", "Messages that ended, by how.", "channel", "outcome")
        self.waiting = self.gauge("messages_in_house", "Messages accepted and not ended.")
        self.running = self.gauge("turns_running", "Turns being worked on.")
        self.first_delta = self.histogram("first_delta_seconds", "From acceptance to the first piece of an answer.")
        self.turn = self.histogram("turn_seconds", "From acceptance to the end of an answer.")

    def counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"frontdesk_{name}", help_text, labels, registry=self.registry)

    def gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(f"frontdesk_{name}", help_text, labels, registry=self.registry)

    def histogram(self, name: str, help_text: str, *labels: str) -> Histogram:
        return Histogram(f"frontdesk_{name}", help_text, labels, registry=self.registry, buckets=_SECONDS)

    def expose(self) -> bytes:
        """All figures in the Prometheus text format."""
        return generate_latest(self.registry)
