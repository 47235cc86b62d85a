"""The Slack channel: direct messages, the assistant's pane, mentions, threads, commands; and a support desk."""
