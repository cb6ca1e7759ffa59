"""HTTP area: the mailbox's settings, its folders and status, and business units."""
