"""What a report about a mail says: a bounce, a delay, a receipt. Pure; hostile input is bounded."""
