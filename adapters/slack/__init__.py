"""The Slack channel: direct messages, the assistant's pane, mentions, threads, commands; and a support desk.

signature, payload, inbound, messages, interactions, heard, mrkdwn, words, rules, names
                  whether it is Slack's, and what it says: pure
routes, socket, connections, dispatch
                  the two ways in, and Bolt between them and us
receiver, receiving, spoken, buttons, asking, cases
                  from what was heard to what is published
people, courtesies, reading
                  who is who; what is done on the side; files and threads
api, pace, sender, sends, writer, contents, blocks, markdown
                  the way out
accounts, installs, rotation, oauth, vault, manifest, findings
                  where the app is installed, and whether it would work
adapter           all of it together
"""

from __future__ import annotations

from adapters.base import Adapter, Context


def make(context: Context) -> Adapter:
    """The channel of `[slack]`. Raises `ConfigError` when it has no way in, or no token to speak with."""
    from adapters.slack.adapter import SlackAdapter

    return SlackAdapter(context)
