// Mailbox secrets and the key of subject tokens. Opened by role (RBAC), deleted by nobody: what is removed stays
// recoverable for 90 days and cannot be purged meanwhile.

@description('Name of the vault.')
@minLength(3)
@maxLength(24)
param name string
@description('Azure region.')
param location string
@description('Tags of every resource.')
param tags object
@description('Whether it is reached from the internet (with an identity, never with a key).')
@allowed(['Enabled', 'Disabled'])
param publicNetworkAccess string
@description('Workspace that the audit log goes to.')
param workspaceId string

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  // checkov:skip=CKV_AZURE_109:denied where privateNetworking is on; else the app has no fixed address, and only identities get in
  // checkov:skip=CKV_AZURE_189:disabled where privateNetworking is on
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: publicNetworkAccess
    networkAcls: { bypass: 'None', defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny' }
  }
}

resource auditLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: vault
  properties: { workspaceId: workspaceId, logs: [{ category: 'AuditEvent', enabled: true }] }
}

output name string = vault.name
output uri string = vault.properties.vaultUri
