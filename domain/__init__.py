"""Types and rules of respond-mailbox: pure, without I/O, SDK, clock or randomness that is not passed in."""
