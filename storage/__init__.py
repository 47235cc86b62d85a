"""What must survive a crash: inbox, outbox, conversations, knowledge."""
