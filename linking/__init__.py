"""Works out where mails belong and keeps it so, whatever changes."""
