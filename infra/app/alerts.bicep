// What wakes a person, each with a page in docs/operator.md. Queries read the names of docs/telemetry.md. Rules that
// resolve themselves say so by a second mail once the condition is gone.

@description('Workspace that the rules ask.')
param workspaceId string
@description('Azure region.')
param location string
@description('Tags of every resource.')
param tags object
@description('Addresses that alerts go to.')
param emails array
@description('Seconds since a mailbox was last polled, after which the alert fires.')
@minValue(300)
@maxValue(86400)
param pollStaleSeconds int
@description('Days before a mailbox secret expires, from which the alert fires.')
@minValue(1)
@maxValue(365)
param secretNearExpiryDays int

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'respond-mailbox'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'mailbox'
    enabled: true
    emailReceivers: [for (email, i) in emails: {
      name: 'email-${i}'
      emailAddress: email
      useCommonAlertSchema: true
    }]
  }
}

// A rule fires where its query gives any row, once for each value of its dimensions. `window`: how far back it looks.
var rules = [
  {
    name: 'poll-not-running'
    description: 'The timer mailbox_poll has not run well for 10 minutes: no mailbox is read.'
    severity: 1
    window: 'PT10M'
    dimensions: []
    query: 'AppRequests | where Name == "mailbox_poll" and Success == true | summarize runs = count() | where runs == 0'
  }
  {
    name: 'poll-stale'
    description: 'A mailbox that is on was not read in time.'
    severity: 1
    window: 'PT15M'
    dimensions: [{ name: 'mailbox', operator: 'Include', values: ['*'] }]
    query: 'AppMetrics | where Name == "mailbox.poll.lag" | extend mailbox = tostring(Properties["mailbox.id"]) | summarize arg_max(TimeGenerated, Max) by mailbox | where Max > ${pollStaleSeconds}'
  }
  {
    name: 'delivery-failed'
    description: 'A mail of an analyst was refused for good, or nobody knows whether it was sent.'
    severity: 2
    window: 'PT15M'
    dimensions: [{ name: 'state', operator: 'Include', values: ['*'] }]
    query: 'AppMetrics | where Name == "mail.deliveries" | extend state = tostring(Properties["state"]) | where state in ("failed", "unconfirmed") | summarize deliveries = sum(Sum) by state | where deliveries > 0'
  }
  {
    name: 'poison-messages'
    description: 'A queue message failed as often as host.json allows and lies in a poison queue.'
    severity: 2
    window: 'PT15M'
    dimensions: [{ name: 'queue', operator: 'Include', values: ['*'] }]
    query: 'AppMetrics | where Name == "queue.poison.messages" | extend queue = tostring(Properties["queue"]) | summarize arg_max(TimeGenerated, Max) by queue | where Max > 0'
  }
  {
    name: 'secret-near-expiry'
    description: 'The secret of a mailbox expires soon; from then on its mail is not read.'
    severity: 2
    window: 'PT1H'
    dimensions: [{ name: 'mailbox', operator: 'Include', values: ['*'] }]
    query: 'AppMetrics | where Name == "mailbox.secret.expires_in" | extend mailbox = tostring(Properties["mailbox.id"]) | summarize arg_max(TimeGenerated, Min) by mailbox | where Min < ${secretNearExpiryDays * 86400}'
  }
]

resource rule 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for one in rules: {
  name: one.name
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'Respond mailbox: ${one.name}'
    description: one.description
    severity: one.severity
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: 'PT5M'
    windowSize: one.window
    autoMitigate: true
    // The tables are there only once the first telemetry has come.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: one.query
          timeAggregation: 'Count'
          dimensions: one.dimensions
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: [people.id] }
  }
}]
