// Everything that Respond's mailbox integration runs on: one resource group, made or changed by `azd up`.
// No parameter is a secret and no output holds one; nothing signs in with a key.

targetScope = 'subscription'

@description('Name of the environment; resources carry it in their names and tags.')
@minLength(1)
@maxLength(24)
param environmentName string

@description('Azure region. Flex Consumption must be offered there (`az functionapp list-flexconsumption-locations`).')
@minLength(1)
param location string

@description('Memory of one instance, in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Most instances at a time, over all functions.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('HTTP requests that one instance serves at a time.')
@minValue(1)
@maxValue(1000)
param httpPerInstanceConcurrency int = 16

@description('Seconds between two polls of a mailbox.')
@minValue(60)
@maxValue(3600)
param pollIntervalSeconds int = 60

@description('Origins that may show the pages in a frame, such as https://respond.corp.example.')
@maxLength(10)
param respondOrigins array = []

@description('Private networks (CIDR) of Exchange Servers that the app may reach; none for Exchange Online.')
@maxLength(20)
param exchangeAllowedNetworks array = []

@description('Whether exchange-ca.pem lies beside host.json: the certificate authority of an Exchange Server.')
param exchangeOwnAuthority bool = false

@description('Client id of an existing app registration; empty: one is made, which needs the right to register applications.')
@maxLength(36)
param appRegistrationClientId string = ''

@description('Whether the vault is opened to the app by a custom role; false: Key Vault Secrets Officer, which may also delete.')
param customRole bool = true

@description('Whether storage and vault are reached by private endpoints only.')
param privateNetworking bool = false

@description('Address range of the virtual network, where there is one.')
param networkPrefix string = '10.40.0.0/24'

@description('Part of it that the app\'s traffic leaves by; at least a /27, larger with many instances.')
param appSubnetPrefix string = '10.40.0.0/26'

@description('Part of it for the seven private endpoints; at least a /28.')
param endpointsSubnetPrefix string = '10.40.0.64/26'

@description('Redundancy of the storage accounts.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string = 'Standard_ZRS'

@description('Days for which a deleted or overwritten raw message can be brought back. Deletion is complete only after them.')
@minValue(1)
@maxValue(365)
param blobSoftDeleteDays int = 7

@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 90

@description('GB of telemetry a day, after which the rest of that day is dropped; alerts included.')
@minValue(1)
@maxValue(1000)
param dailyTelemetryGb int = 5

@description('Addresses that alerts go to; none: alerts show in the portal only.')
@maxLength(10)
param alertEmails array = []

@description('Seconds since a mailbox was last polled, after which the alert fires.')
@minValue(300)
@maxValue(86400)
param pollStaleSeconds int = 900

@description('Days before a mailbox secret expires, from which the alert fires.')
@minValue(1)
@maxValue(365)
param secretNearExpiryDays int = 30

var tags = { 'azd-env-name': environmentName }
var token = toLower(uniqueString(subscription().id, environmentName, location))
var publicNetworkAccess = privateNetworking ? 'Disabled' : 'Enabled'
var functionAppName = 'func-${token}'

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'app/identity.bicep' = {
  name: 'identity'
  scope: group
  params: { name: 'id-${token}', location: location, tags: tags }
}

module monitoring 'app/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-${token}'
    applicationInsightsName: 'appi-${token}'
    location: location
    tags: tags
    retentionDays: logRetentionDays
    dailyGb: dailyTelemetryGb
  }
}

module hostStorage 'app/host-storage.bicep' = {
  name: 'host-storage'
  scope: group
  params: {
    name: 'sthost${token}'
    location: location
    tags: tags
    sku: storageSku
    publicNetworkAccess: publicNetworkAccess
    workspaceId: monitoring.outputs.workspaceId
  }
}

module dataStorage 'app/data-storage.bicep' = {
  name: 'data-storage'
  scope: group
  params: {
    name: 'stdata${token}'
    location: location
    tags: tags
    sku: storageSku
    publicNetworkAccess: publicNetworkAccess
    softDeleteDays: blobSoftDeleteDays
    workspaceId: monitoring.outputs.workspaceId
  }
}

module vault 'app/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    publicNetworkAccess: publicNetworkAccess
    workspaceId: monitoring.outputs.workspaceId
  }
}

module access 'app/rbac.bicep' = {
  name: 'access'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    hostStorageName: hostStorage.outputs.name
    dataStorageName: dataStorage.outputs.name
    vaultName: vault.outputs.name
    applicationInsightsName: monitoring.outputs.applicationInsightsName
    customRole: customRole
  }
}

module network 'app/vnet.bicep' = if (privateNetworking) {
  name: 'network'
  scope: group
  params: {
    name: 'vnet-${token}'
    location: location
    tags: tags
    addressPrefix: networkPrefix
    appSubnetPrefix: appSubnetPrefix
    endpointsSubnetPrefix: endpointsSubnetPrefix
  }
}

module privateEndpoints 'app/private-endpoints.bicep' = if (privateNetworking) {
  name: 'private-endpoints'
  scope: group
  params: {
    networkName: 'vnet-${token}'
    location: location
    tags: tags
    hostStorageName: hostStorage.outputs.name
    dataStorageName: dataStorage.outputs.name
    vaultName: vault.outputs.name
  }
  dependsOn: [network]
}

module registration 'app/registration.bicep' = if (empty(appRegistrationClientId)) {
  name: 'registration'
  scope: group
  params: {
    uniqueName: 'respond-mailbox-${token}'
    displayName: 'Respond mailbox integration (${environmentName})'
    hostName: '${functionAppName}.azurewebsites.net'
    identityPrincipalId: identity.outputs.principalId
  }
}

module functionApp 'app/function-app.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    name: functionAppName
    planName: 'plan-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    hostStorageName: hostStorage.outputs.name
    deploymentContainerName: hostStorage.outputs.deploymentContainerName
    dataStorageName: dataStorage.outputs.name
    vaultUri: vault.outputs.uri
    applicationInsightsName: monitoring.outputs.applicationInsightsName
    workspaceId: monitoring.outputs.workspaceId
    subnetId: privateNetworking ? network!.outputs.appSubnetId : ''
    registrationClientId: empty(appRegistrationClientId) ? registration!.outputs.clientId : appRegistrationClientId
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    httpPerInstanceConcurrency: httpPerInstanceConcurrency
    pollIntervalSeconds: pollIntervalSeconds
    respondOrigins: respondOrigins
    exchangeAllowedNetworks: exchangeAllowedNetworks
    exchangeOwnAuthority: exchangeOwnAuthority
  }
  dependsOn: [access, privateEndpoints]
}

module alerts 'app/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    workspaceId: monitoring.outputs.workspaceId
    location: location
    tags: tags
    emails: alertEmails
    pollStaleSeconds: pollStaleSeconds
    secretNearExpiryDays: secretNearExpiryDays
  }
  dependsOn: [functionApp]
}

module workbook 'app/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: { workspaceId: monitoring.outputs.workspaceId, location: location, tags: tags }
}

output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_APP_NAME string = functionApp.outputs.name
output APP_URL string = functionApp.outputs.url
output APP_REGISTRATION_CLIENT_ID string = empty(appRegistrationClientId) ? registration!.outputs.clientId : appRegistrationClientId
