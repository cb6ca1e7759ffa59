"""Microsoft Entra ID as an application sees it: tokens, discovery, app registration, managed identity."""
