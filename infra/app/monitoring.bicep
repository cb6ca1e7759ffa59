// Where telemetry goes. Ingestion is by identity only: an instrumentation key that leaks opens nothing.

@description('Name of the Log Analytics workspace.')
param workspaceName string
@description('Name of the Application Insights component.')
param applicationInsightsName string
@description('Azure region.')
param location string
@description('Tags of every resource.')
param tags object
@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param retentionDays int
@description('GB a day, after which the rest of that day is dropped.')
@minValue(1)
@maxValue(1000)
param dailyGb int

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
    workspaceCapping: { dailyQuotaGb: dailyGb }
    features: { disableLocalAuth: true, enableLogAccessUsingOnlyResourcePermissions: true }
  }
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' = {
  name: applicationInsightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

output workspaceId string = workspace.id
output applicationInsightsName string = applicationInsights.name
