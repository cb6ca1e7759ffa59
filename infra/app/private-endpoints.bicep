// Private endpoints and their names in DNS: storage and vault answer inside the virtual network only.

@description('The virtual network, with its subnet `endpoints`.')
param networkName string
@description('Azure region.')
param location string
@description('Tags of every resource.')
param tags object
@description('The host\'s storage account.')
param hostStorageName string
@description('The product\'s storage account.')
param dataStorageName string
@description('The vault.')
param vaultName string

var storageSuffix = environment().suffixes.storage
// The vault's suffix begins with a dot, and its private zone has another name than its public one.
var vaultSuffix = replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')

var zones = [
  'privatelink.blob.${storageSuffix}'
  'privatelink.queue.${storageSuffix}'
  'privatelink.table.${storageSuffix}'
  'privatelink${vaultSuffix}'
]

var endpoints = [
  { name: 'host-blob', resourceId: hostStorage.id, group: 'blob', zone: 0 }
  { name: 'host-queue', resourceId: hostStorage.id, group: 'queue', zone: 1 }
  { name: 'host-table', resourceId: hostStorage.id, group: 'table', zone: 2 }
  { name: 'data-blob', resourceId: dataStorage.id, group: 'blob', zone: 0 }
  { name: 'data-queue', resourceId: dataStorage.id, group: 'queue', zone: 1 }
  { name: 'data-table', resourceId: dataStorage.id, group: 'table', zone: 2 }
  { name: 'vault', resourceId: vault.id, group: 'vault', zone: 3 }
]

resource hostStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: hostStorageName
}

resource dataStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: dataStorageName
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' existing = {
  name: networkName
}

resource subnet 'Microsoft.Network/virtualNetworks/subnets@2024-05-01' existing = {
  parent: network
  name: 'endpoints'
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [for zoneName in zones: {
  name: zoneName
  location: 'global'
  tags: tags
}]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (zoneName, i) in zones: {
  parent: zone[i]
  name: networkName
  location: 'global'
  tags: tags
  properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
}]

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = [for one in endpoints: {
  name: 'pe-${one.name}-${networkName}'
  location: location
  tags: tags
  properties: {
    subnet: { id: subnet.id }
    privateLinkServiceConnections: [
      {
        name: one.name
        properties: { privateLinkServiceId: one.resourceId, groupIds: [one.group] }
      }
    ]
  }
}]

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [for (one, i) in endpoints: {
  parent: endpoint[i]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [{ name: one.group, properties: { privateDnsZoneId: zone[one.zone].id } }]
  }
}]
