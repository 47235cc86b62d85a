"""Who the bot is and what it says of itself: getMe, its commands, its descriptions, its menu; business accounts."""

from __future__ import annotations

import re
from typing import Any

from tests.fakes.telegram import shapes
from tests.fakes.telegram.arguments import Refused
from tests.fakes.telegram.world import Call

_SCOPES = frozenset(
    {"default", "all_private_chats", "all_group_chats", "all_chat_administrators", "chat", "chat_administrators",
     "chat_member"}
)  # fmt: skip


async def get_me(call: Call) -> dict[str, Any]:
    world = call.world
    return shapes.user(world.bot) | {
        "can_join_groups": True,
        "can_read_all_group_messages": not world.privacy,
        "supports_inline_queries": True,
        "can_connect_to_business": True,
        "has_main_web_app": False,
        "has_topics_enabled": False,
    }


def _key(call: Call, what: str) -> str:
    """Where what is set for a language and a scope is kept."""
    scope, language = call["scope"] or {"type": "default"}, call["language_code"] or ""
    if scope.get("type") not in _SCOPES:
        raise Refused("can't parse BotCommandScope", blame=True)
    if language and not re.fullmatch(r"[a-z]{2}", language):
        raise Refused("invalid language code specified", blame=True)
    return ":".join([what, *(str(scope[name]) for name in sorted(scope)), language])


async def set_my_commands(call: Call) -> bool:
    """At most 100; names of lower-case letters, digits and underscores, 1-32; descriptions 1-256."""
    if len(call["commands"]) > 100:
        raise Refused("BOT_COMMANDS_TOO_MUCH", blame=True)
    for command in call["commands"]:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", str(command.get("command", ""))):
            raise Refused("BOT_COMMAND_INVALID", blame=True)
        if not 1 <= len(str(command.get("description", ""))) <= 256:
            raise Refused("BOT_COMMAND_DESCRIPTION_INVALID", blame=True)
    call.world.profile[_key(call, "commands")] = call["commands"]
    return True


async def get_my_commands(call: Call) -> list[Any]:
    found: list[Any] = call.world.profile.get(_key(call, "commands"), [])
    return found


async def delete_my_commands(call: Call) -> bool:
    call.world.profile.pop(_key(call, "commands"), None)
    return True


async def set_my_description(call: Call) -> bool:
    return _describe(call, "description", 512)


async def set_my_short_description(call: Call) -> bool:
    return _describe(call, "short_description", 120)


def _describe(call: Call, name: str, most: int) -> bool:
    if len(call[name] or "") > most:
        raise Refused(f"{name} is too long", blame=True)
    call.world.profile[_key(call, name)] = call[name] or ""
    return True


async def get_my_description(call: Call) -> dict[str, Any]:
    return {"description": call.world.profile.get(_key(call, "description"), "")}


async def get_my_short_description(call: Call) -> dict[str, Any]:
    return {"short_description": call.world.profile.get(_key(call, "short_description"), "")}


async def set_chat_menu_button(call: Call) -> bool:
    button = call["menu_button"] or {"type": "default"}
    if button.get("type") not in ("commands", "web_app", "default"):
        raise Refused("MenuButton has unsupported type", blame=True)
    call.world.profile[f"menu:{call['chat_id'] or ''}"] = button
    return True


async def get_chat_menu_button(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = call.world.profile.get(f"menu:{call['chat_id'] or ''}", {"type": "default"})
    return found


async def get_business_connection(call: Call) -> dict[str, Any]:
    business = call.world.businesses.get(call["business_connection_id"])
    if business is None:
        raise Refused("business connection not found")
    return shapes.connection(business, call.world.person(business.user))


PROFILE = {
    "getMe": get_me,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
    "setMyDescription": set_my_description,
    "getMyDescription": get_my_description,
    "setMyShortDescription": set_my_short_description,
    "getMyShortDescription": get_my_short_description,
    "setChatMenuButton": set_chat_menu_button,
    "getChatMenuButton": get_chat_menu_button,
    "getBusinessConnection": get_business_connection,
}
