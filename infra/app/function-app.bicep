// The function app on Flex Consumption: plan, package, settings and sign-in. AUTHENTICATION_REQUIRED is written
// here, beside the sign-in that it speaks of; the app trusts a caller's identity only where both are on.

@description('Name of the function app, and of its host name.')
param name string
@description('Name of the plan.')
param planName string
@description('Azure region.')
param location string
@description('Tags of every resource.')
param tags object
@description('Resource id of the app\'s identity.')
param identityId string
@description('Client id of the app\'s identity.')
param identityClientId string
@description('The host\'s storage account.')
param hostStorageName string
@description('Container of the package.')
param deploymentContainerName string
@description('The product\'s storage account.')
param dataStorageName string
@description('The vault\'s address.')
param vaultUri string
@description('The Application Insights component.')
param applicationInsightsName string
@description('Workspace that diagnostic logs go to.')
param workspaceId string
@description('Subnet that outgoing traffic leaves by; empty: none.')
param subnetId string
@description('Client id of the app registration that people and Respond sign in to.')
param registrationClientId string
@description('Memory of one instance, in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int
@description('Most instances at a time.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int
@description('HTTP requests that one instance serves at a time.')
@minValue(1)
@maxValue(1000)
param httpPerInstanceConcurrency int
@description('Seconds between two polls of a mailbox.')
@minValue(60)
@maxValue(3600)
param pollIntervalSeconds int
@description('Origins that may show the pages in a frame.')
param respondOrigins array
@description('Private networks (CIDR) of Exchange Servers that the app may reach.')
param exchangeAllowedNetworks array
@description('Whether exchange-ca.pem lies beside host.json.')
param exchangeOwnAuthority bool

resource hostStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: hostStorageName
}

resource dataStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: dataStorageName
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  // checkov:skip=CKV_AZURE_225:costs two instances that always run; a zone that fails delays mail until Azure starts the app in another
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { tier: 'FlexConsumption', name: 'FC1' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  // checkov:skip=CKV_AZURE_78:Flex Consumption has no FTP and refuses ftpsState; its credentials are off below
  // checkov:skip=CKV_AZURE_222:people and Respond call it from anywhere; who may do what is decided by app roles
  // checkov:skip=CKV_AZURE_17:callers sign in with Microsoft Entra ID; browsers of analysts have no client certificates
  // checkov:skip=CKV_AZURE_212:Flex Consumption starts and replaces instances by itself
  // checkov:skip=CKV_AZURE_213:Flex Consumption has no health check; the alert poll-not-running watches instead
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      http20Enabled: true
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostStorage.properties.primaryEndpoints.blob}${deploymentContainerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: { name: 'python', version: '3.13' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        triggers: { http: { perInstanceConcurrency: httpPerInstanceConcurrency } }
      }
    }
  }
}

var settings = {
  AzureWebJobsStorage__blobServiceUri: hostStorage.properties.primaryEndpoints.blob
  AzureWebJobsStorage__queueServiceUri: hostStorage.properties.primaryEndpoints.queue
  AzureWebJobsStorage__tableServiceUri: hostStorage.properties.primaryEndpoints.table
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  DataStorage__blobServiceUri: dataStorage.properties.primaryEndpoints.blob
  DataStorage__queueServiceUri: dataStorage.properties.primaryEndpoints.queue
  DataStorage__tableServiceUri: dataStorage.properties.primaryEndpoints.table
  DataStorage__credential: 'managedidentity'
  DataStorage__clientId: identityClientId
  AZURE_CLIENT_ID: identityClientId
  AZURE_AUTHORITY_HOST: environment().authentication.loginEndpoint
  KEY_VAULT_URI: vaultUri
  APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  MAILBOX_POLL_SCHEDULE: '0 * * * * *'
  MAILBOX_POLL_INTERVAL_SECONDS: string(pollIntervalSeconds)
  PENDING_SWEEP_SCHEDULE: '30 * * * * *'
  AUTHENTICATION_REQUIRED: 'true'
  OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identityClientId
  RESPOND_ORIGINS: join(respondOrigins, ' ')
  EXCHANGE_ALLOWED_NETWORKS: join(exchangeAllowedNetworks, ',')
  EXCHANGE_CA_FILE: exchangeOwnAuthority ? '/home/site/wwwroot/exchange-ca.pem' : ''
}

resource appSettings 'Microsoft.Web/sites/config@2024-04-01' = {
  // checkov:skip=CKV_AZURE_13:sign-in is authsettingsV2 below; the check looks for the property of web settings
  // checkov:skip=CKV_AZURE_63:not a web setting of Flex Consumption; requests are in Application Insights
  // checkov:skip=CKV_AZURE_65:not a web setting of Flex Consumption; errors are in Application Insights
  // checkov:skip=CKV_AZURE_66:not a web setting of Flex Consumption; requests are in Application Insights
  // checkov:skip=CKV_AZURE_80:Python, no .NET
  // checkov:skip=CKV_AZURE_88:files are not used; Flex Consumption runs the package from a blob
  // checkov:skip=CKV_AZURE_222:public on purpose, see the site
  parent: app
  name: 'appsettings'
  properties: settings
}

// AllowAnonymous: the app itself answers 401, so that liveness and the API's description stay open to anyone.
resource signIn 'Microsoft.Web/sites/config@2024-04-01' = {
  // checkov:skip=CKV_AZURE_13:sign-in is authsettingsV2 below; the check looks for the property of web settings
  // checkov:skip=CKV_AZURE_63:not a web setting of Flex Consumption; requests are in Application Insights
  // checkov:skip=CKV_AZURE_65:not a web setting of Flex Consumption; errors are in Application Insights
  // checkov:skip=CKV_AZURE_66:not a web setting of Flex Consumption; requests are in Application Insights
  // checkov:skip=CKV_AZURE_80:Python, no .NET
  // checkov:skip=CKV_AZURE_88:files are not used; Flex Consumption runs the package from a blob
  // checkov:skip=CKV_AZURE_222:public on purpose, see the site
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true, runtimeVersion: '~1' }
    globalValidation: { requireAuthentication: false, unauthenticatedClientAction: 'AllowAnonymous' }
    httpSettings: { requireHttps: true }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: registrationClientId
          // The name of a setting with the client id of the identity that signs for the app: no secret is kept.
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [registrationClientId]
        }
      }
    }
    login: { tokenStore: { enabled: false } }
  }
  dependsOn: [appSettings]
}

resource ftp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource scm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

resource signInLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: app
  properties: {
    workspaceId: workspaceId
    // FunctionAppLogs would repeat what Application Insights has.
    logs: [{ category: 'AppServiceAuthenticationLogs', enabled: true }]
  }
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
