// The app's only identity: storage, vault, telemetry and the package are all opened with it.

@description('Name of the user-assigned identity.')
param name string
@description('Azure region.')
param location string
@description('Tags of every resource.')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: name
  location: location
  tags: tags
}

output id string = identity.id
output clientId string = identity.properties.clientId
output principalId string = identity.properties.principalId
