"""A message's entities as the library's."""

from __future__ import annotations

from telegram import MessageEntity

from adapters.telegram.entities import Rendered


def message_entities(message: Rendered) -> list[MessageEntity]:
    return [
        MessageEntity(
            type=entity.type,
            offset=entity.offset,
            length=entity.length,
            url=entity.url or None,
            language=entity.language or None,
        )
        for entity in message.entities
    ]
