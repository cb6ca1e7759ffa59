"""Azure Key Vault's secrets as the SDK sees them: versions, attributes, soft delete."""
