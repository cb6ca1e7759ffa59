"""A raw message to what the app shows: structure, headers and text, tolerant of everything a mail can
contain."""
