"""Figures: each measured as a ratio against a peer or a bare transfer in the same run."""
