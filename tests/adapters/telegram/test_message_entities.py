"""Entities become the library's, and only one module knows the library."""

from __future__ import annotations

import subprocess
import sys

from telegram import MessageEntity

from adapters.telegram.markdown import render
from adapters.telegram.message_entities import message_entities


def test_entities_are_the_librarys():
    (message,) = render("[a](https://a.example) **👍** x\n\n```py\ny\n```")
    assert message_entities(message) == [
        MessageEntity(type="text_link", offset=0, length=1, url="https://a.example"),
        MessageEntity(type="bold", offset=2, length=2),
        MessageEntity(type="pre", offset=8, length=1, language="py"),
    ]


def test_rendering_does_not_load_the_library():
    code = "import sys, adapters.telegram.markdown, adapters.telegram.rich; sys.exit('telegram' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
