// One page of figures in Azure Monitor: mails, lag, deliveries, errors.

@description('Workspace that the figures are read from.')
param workspaceId string
@description('Azure region.')
param location string
@description('Tags of every resource.')
param tags object

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspaceId, 'respond-mailbox')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Respond mailbox integration'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: loadTextContent('../workbook.json')
  }
}
