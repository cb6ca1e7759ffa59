"""The world around the product, rebuilt on one machine: Exchange, Entra ID, Key Vault, storage, host."""
