// The product's account: mails and configuration (tables), raw messages (blobs), work (queues). The app makes its
// tables and containers itself; queues are made here, since their triggers ask for them before anything is sent.

@description('Name of the storage account.')
@minLength(3)
@maxLength(24)
param name string
@description('Azure region.')
param location string
@description('Tags of every resource.')
param tags object
@description('Redundancy.')
param sku string
@description('Whether it is reached from the internet (with an identity, never with a key).')
@allowed(['Enabled', 'Disabled'])
param publicNetworkAccess string
@description('Days for which a deleted or overwritten blob can be brought back.')
@minValue(1)
@maxValue(365)
param softDeleteDays int
@description('Workspace that diagnostic logs go to.')
param workspaceId string

var queueNames = [
  'mailbox-sync'
  'folder-sync'
  'mail-delivery'
  'mail-export'
  'incident-changed'
]

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  // checkov:skip=CKV_AZURE_35:denied where privateNetworking is on; else the app has no fixed address, and only identities get in
  // checkov:skip=CKV_AZURE_206:redundancy is the parameter storageSku, three zones by default; docs/operator.md has the backup
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: publicNetworkAccess
    networkAcls: { bypass: 'None', defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny' }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: true, days: softDeleteDays }
    containerDeleteRetentionPolicy: { enabled: true, days: softDeleteDays }
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = [for queueName in queueNames: {
  parent: queues
  name: queueName
}]

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2024-01-01' = {
  parent: account
  name: 'default'
}

// Deletions only: reads and writes are the app's own polling and would cost more than the rest of the app.
resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: blobs
  properties: { workspaceId: workspaceId, logs: [{ category: 'StorageDelete', enabled: true }] }
}

resource tableLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: tables
  properties: { workspaceId: workspaceId, logs: [{ category: 'StorageDelete', enabled: true }] }
}

output name string = account.name
