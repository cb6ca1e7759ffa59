"""Pages: so far one plain list of the mails that have arrived, and what else there is to open."""
