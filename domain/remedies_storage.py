"""Words for trouble with storage and Key Vault: title, detail, remedy, who can act."""

from __future__ import annotations

from domain.remedies_exchange import Words

_AZURE, _ADMIN, _NOBODY = "Azure administrator", "mailbox admin", "nobody"
_GOES_ON = "Nothing to do: work goes on by itself once it is back, and nothing is lost."

STORAGE_REMEDIES: dict[str, Words] = {
    "StorageUnavailable": (
        "Storage is away",
        "The app's storage account does not answer just now.",
        _GOES_ON,
        _NOBODY,
    ),
    "StorageAccessDenied": (
        "The app may not use its storage",
        "The storage account refuses the app's identity, or its network.",
        "An Azure administrator gives the app's identity the roles Storage Table, Blob and Queue Data "
        "Contributor on "
        "the data account, and checks the account's network rules.",
        _AZURE,
    ),
    "StorageRefused": (
        "Storage refuses a request",
        "This should not happen; the service's code is beside this.",
        "Report the code and the correlation id.",
        _AZURE,
    ),
    "StorageRowUnreadable": (
        "A stored row cannot be read",
        "It was written by a newer version of this app, or from outside.",
        "Deploy the version that wrote it, or report the code and the correlation id.",
        _AZURE,
    ),
    "KeyVaultUnavailable": ("Key Vault is away", "It does not answer just now.", _GOES_ON, _NOBODY),
    "KeyVaultAccessDenied": (
        "The app may not use its Key Vault",
        "Key Vault refuses the app's identity, or its network.",
        "An Azure administrator gives the app's identity the role on the vault's secrets (get, set, "
        "update), and "
        "checks the "
        "vault's network rules.",
        _AZURE,
    ),
    "KeyVaultRefused": (
        "Key Vault refuses a request",
        "This should not happen; the service's code is beside this.",
        "Report the code and the correlation id.",
        _AZURE,
    ),
    "KeyVaultSecretDisabled": (
        "The secret key is switched off",
        "Its version in Key Vault is disabled or outside its dates.",
        "Enter the Secret Key again and save, or have an Azure administrator enable the version.",
        _ADMIN,
    ),
    "KeyVaultNotConfigured": (
        "No Key Vault is configured",
        "The setting KEY_VAULT_URI is missing.",
        "An Azure administrator deploys the app with its Key Vault.",
        _AZURE,
    ),
}
