"""One module for each measurement; each names its figures and measures them."""
