"""What Slack says when it refuses, sorted by what there is to do about it. Pure.

The names are Slack's own: https://docs.slack.dev/reference/methods
"""

from __future__ import annotations

PERMANENT = frozenset(
    {
        "access_denied", "account_inactive", "cannot_dm_bot", "channel_is_archived", "channel_not_found",
        "channel_type_not_supported", "ekm_access_denied", "enterprise_is_restricted", "invalid_auth", "is_archived",
        "messages_tab_disabled", "missing_scope", "no_permission", "not_allowed_token_type", "not_authed",
        "not_in_channel", "org_login_required", "restricted_action", "restricted_action_read_only_channel",
        "restricted_action_thread_locked", "restricted_action_thread_only_channel", "team_access_not_granted",
        "team_not_found", "thread_not_found", "token_expired", "token_revoked", "two_factor_setup_required",
        "user_not_found",
    }
)  # fmt: skip
"""Trying again is of no use until somebody changes something in Slack."""

UNSURE = frozenset({"fatal_error", "internal_error", "service_unavailable", "request_timeout", "accesslimited"})
"""Slack broke down; part of what was asked for may have been done."""

PASSING = frozenset({"message_limit_exceeded", "team_added_to_org"})
"""Slack will do it when it has done something else."""

SUSPECT = frozenset({"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"})
"""The token is no good. A new one may be there."""

NOT_STREAMING = frozenset(
    {"message_not_in_streaming_state", "message_not_owned_by_app", "stopped_by_user", "streaming_state_expired"}
)
"""The stream was ended: by Slack after some minutes, or by the person."""

GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "cant_delete_message"})
"""The message cannot be changed any more."""

TOO_LONG = frozenset({"msg_too_long", "msg_blocks_too_long", "markdown_text_too_long"})
BAD_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "block_mismatch"})


class SlackError(Exception):
    """Slack did not do what was asked. `error` is its own word for why. Holds neither a token nor a text.

    `permanent`: trying again is of no use. `ambiguous`: it may have been done nevertheless. `answered`: Slack looked at
    it and did not do it, for a reason that need not pass by itself.
    """

    def __init__(self, method: str, error: str, *, ambiguous: bool = False, answered: bool = False) -> None:
        super().__init__(
            f"Slack refused {method}: {error}" if not ambiguous else f"Slack did not answer {method}: {error}"
        )
        self.method, self.error, self.ambiguous = method, error, ambiguous
        self.answered = answered and error not in PASSING

    @property
    def permanent(self) -> bool:
        return self.error in PERMANENT
