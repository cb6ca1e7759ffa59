"""A proxy before Azurite that counts storage calls by operation and lets them fail."""
