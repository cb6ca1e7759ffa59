"""The conversations of the demo, one module an incident, and the mail of strangers around them. Pure."""
