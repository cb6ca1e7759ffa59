"""The sandbox's commands: an HTTP interface of the world process, and a client that speaks to it."""
