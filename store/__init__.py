"""Adapters for Table, Blob and Queue Storage and Key Vault: the only code that knows keys and partitions."""
