"""The app's manifest: of the shape and within the limits that Slack documents, and in step with what we listen to."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from adapters.slack import inbound
from adapters.slack.manifest import COMMAND, EVENTS, SCOPES, SHORTCUT, VIEW_EVENTS, manifest

URL = "https://chat.example.org"
PAGE = (Path(__file__).parents[3] / "docs" / "slack.md").read_text("utf-8")


class Shape(BaseModel):
    """What docs.slack.dev/reference/app-manifest allows, as far as a chat app can need it; nothing else may stand."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Prompt(Shape):
    title: str = Field(min_length=1)
    message: str = Field(min_length=1)


class AgentView(Shape):
    agent_description: str = Field(max_length=300)
    suggested_prompts: list[Prompt] = Field(default=[], min_length=1, max_length=4)


class AssistantView(Shape):
    assistant_description: str
    suggested_prompts: list[Prompt] = Field(default=[], min_length=1, max_length=4)


class AppHome(Shape):
    home_tab_enabled: bool
    messages_tab_enabled: bool
    messages_tab_read_only_enabled: bool


class BotUser(Shape):
    display_name: str = Field(min_length=1, max_length=80)
    always_online: bool


class Shortcut(Shape):
    type: str = Field(pattern="^(global|message)$")
    name: str = Field(max_length=24)
    callback_id: str = Field(max_length=255)
    description: str = Field(max_length=150)


class SlashCommand(Shape):
    command: str = Field(max_length=32, pattern="^/[a-z]")
    description: str = Field(max_length=2_000)
    usage_hint: str = Field(max_length=1_000)
    should_escape: bool
    url: str = Field("https://", pattern="^https://")


class Features(Shape):
    app_home: AppHome
    bot_user: BotUser
    shortcuts: list[Shortcut] = Field(max_length=10)
    slash_commands: list[SlashCommand] = Field(max_length=50)
    agent_view: AgentView | None = None
    assistant_view: AssistantView | None = None


class Display(Shape):
    name: str = Field(min_length=1, max_length=35)
    description: str = Field(min_length=1, max_length=140)


class Scopes(Shape):
    bot: list[str] = Field(max_length=255)


class OAuth(Shape):
    scopes: Scopes
    redirect_urls: list[str] = Field(default=[], max_length=1_000)


class Subscriptions(Shape):
    bot_events: list[str] = Field(max_length=100)
    request_url: str = Field("https://", pattern="^https://")


class Interactivity(Shape):
    is_enabled: bool
    request_url: str = Field("https://", pattern="^https://")


class Settings(Shape):
    event_subscriptions: Subscriptions
    interactivity: Interactivity
    org_deploy_enabled: bool
    socket_mode_enabled: bool
    token_rotation_enabled: bool


class Manifest(Shape):
    display_information: Display
    features: Features
    oauth_config: OAuth
    settings: Settings


@given(
    name=st.text(max_size=60),
    description=st.text(max_size=400),
    view=st.sampled_from(["agent", "assistant"]),
    prompts=st.lists(st.text(min_size=1, max_size=80).filter(lambda text: bool(text.strip())), max_size=8),
    url=st.sampled_from(["", URL, URL + "/bot/"]),
    many=st.booleans(),
)
def test_it_has_slack_s_shape(name: str, description: str, view: Any, prompts: list[str], url: str, many: bool) -> None:
    """Whatever the site is called and says, within every limit, with one pane, as JSON."""
    made = manifest(
        name=name, description=description, view=view, prompts=prompts, public_url=url, many=many and bool(url)
    )
    checked = Manifest.model_validate(json.loads(json.dumps(made)))
    assert (checked.features.agent_view is None) != (checked.features.assistant_view is None)
    assert checked.settings.socket_mode_enabled == (not url)
    assert "\n" not in checked.display_information.name


def test_over_http_every_address_is_named() -> None:
    """Events, buttons and commands come to one address; without one there is none of them."""
    made = manifest(name="Door", description="", public_url=URL + "/", many=True)
    assert json.dumps(made).count(f"{URL}/slack/events") == 3
    assert made["oauth_config"]["redirect_urls"] == [f"{URL}/slack/oauth_redirect"]
    assert made["settings"]["token_rotation_enabled"]
    assert made["settings"]["org_deploy_enabled"]
    assert "https://" not in json.dumps(manifest(name="Door", description=""))


@pytest.mark.parametrize(("view", "other"), [("agent", "assistant"), ("assistant", "agent")])
def test_each_pane_has_its_events(view: Any, other: str) -> None:
    """Those of the other pane would be refused."""
    events = manifest(name="Door", description="", view=view)["settings"]["event_subscriptions"]["bot_events"]
    assert set(events) == {*EVENTS, *VIEW_EVENTS[view]}
    assert not set(events) & set(VIEW_EVENTS[other])
    assert len(events) == len(set(events))


def test_what_is_subscribed_is_heard() -> None:
    """No event comes that nobody reads, and none is read that does not come."""
    told = {"message" if event.startswith("message.") else event for event in EVENTS}
    assert told | {event for events in VIEW_EVENTS.values() for event in events} == set(inbound._EVENTS)
    made = manifest(name="Door", description="")
    assert made["features"]["shortcuts"][0]["callback_id"] == SHORTCUT
    assert made["features"]["slash_commands"][0]["command"] == COMMAND


def test_events_have_their_scopes() -> None:
    """Each kind of conversation is read with the scope that its events need."""
    needed = {
        "app_mention": "app_mentions:read", "message.channels": "channels:history",
        "message.groups": "groups:history", "message.im": "im:history", "message.mpim": "mpim:history",
    }  # fmt: skip
    assert set(needed) <= set(EVENTS)
    assert set(needed.values()) <= set(SCOPES)


def test_the_page_shows_the_manifest() -> None:
    """As it is written for a project, and why each scope is asked for."""
    found = re.search(r"<!-- example: slack-manifest.json -->\n```json\n(.*?)```", PAGE, re.DOTALL)
    assert found
    shown = json.loads(found[1])
    assert shown == manifest(**shown["display_information"])
    rows = re.findall(r"^\| (`[a-z_]+:?[a-z`:, ]*) \|", PAGE, re.MULTILINE)
    assert sorted(scope for row in rows for scope in re.findall(r"`([a-z_:]+)`", row)) == sorted(SCOPES)
