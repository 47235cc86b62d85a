"""The generation engine. It knows no channel, no storage and no prompt, and imports nothing of ours."""
