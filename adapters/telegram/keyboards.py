"""The buttons below our messages: https://core.telegram.org/bots/api#inlinekeyboardbutton. Pure.

What a button says when it is pressed names no message: Telegram tells on which message it stood, and `sends` knows what
that shows. So nothing of it comes near the 64 bytes that a button may carry.
"""

from __future__ import annotations

STOP, HUMAN, GOOD, BAD = "stop", "human", "f+", "f-"
TAKE, RESOLVE, RETURN = "take", "resolve", "return"
