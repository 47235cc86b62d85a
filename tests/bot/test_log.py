"""Logs name nobody and hold no personal data, wherever it hides."""

from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
import logging, structlog
from bot.config import LogConfig, Privacy
from bot.log import set_up
from bot.privacy import Redactor, redact_event
set_up(LogConfig(format="json"), redact_event(Redactor(Privacy())))
log = structlog.get_logger()
log.warning("turn", message="visitor-1:abc", visitor="visitor-1", note="write to jane@example.org")
log.warning("turn", message="visitor-1:abc")
try:
    raise ValueError("card 4111 1111 1111 1111")
except ValueError:
    log.exception("broken")
logging.getLogger("library").warning("call %s", "+14155552671")
log.debug("quiet")
"""


def test_logs_hold_pseudonyms_and_no_personal_data() -> None:
    """Ids become pseudonyms, the same each time; e-mail, card and phone are redacted, in tracebacks too."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["turn", "turn", "broken", "call [phone]"]
    assert lines[0]["message"] == lines[1]["message"]
    assert lines[0]["note"] == "write to [email]"
    assert "[card]" in lines[2]["exception"]
    for secret in ("visitor-1", "jane@", "4111", "4155552671"):
        assert secret not in done.stderr
