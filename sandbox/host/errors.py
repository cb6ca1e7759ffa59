"""What can keep the Functions host from starting, or an invocation from ending."""


class HostError(RuntimeError):
    """The host cannot start with this app, these settings or this machine; the message is one clear line."""


class WorkerDiedError(RuntimeError):
    """The worker process ended while an invocation ran in it, or before it was ready."""


class OutputError(RuntimeError):
    """What a function returned cannot be written to its output binding; the invocation counts as failed."""
