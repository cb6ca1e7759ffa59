"""The demo data: units, incidents, and mails for them that show every rule and mark, put in by the front
door."""
