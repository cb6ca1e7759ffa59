"""Timer and queues: which mailboxes are due, what changed in their folders, one folder's sync, storing what
arrived."""
