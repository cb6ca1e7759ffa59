"""The demo data: three business units, and mails for four incidents, put in through the front door."""
