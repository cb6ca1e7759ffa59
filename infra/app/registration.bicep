// The app registration that people and Respond sign in to, with the app's roles. No client secret: the app's
// identity signs for it (federated credential). Who deploys needs the right to register applications; without it,
// docs/operator.md makes the same with `az`, from the same app-roles.json.

extension microsoftGraphV1

@description('Name by which a later deployment finds this registration again.')
param uniqueName string
@description('Name that people see when they sign in.')
param displayName string
@description('Host name of the function app.')
param hostName string
@description('Object id of the identity that signs for the registration.')
param identityPrincipalId string

var identifierUri = 'api://${tenant().tenantId}/${uniqueName}'

resource application 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: uniqueName
  displayName: displayName
  signInAudience: 'AzureADMyOrg'
  identifierUris: [identifierUri]
  api: {
    requestedAccessTokenVersion: 2
  }
  appRoles: loadJsonContent('../app-roles.json')
  web: {
    redirectUris: ['https://${hostName}/.auth/login/aad/callback']
    implicitGrantSettings: { enableIdTokenIssuance: true }
  }
}

resource signer 'Microsoft.Graph/applications/federatedIdentityCredentials@v1.0' = {
  name: '${application.uniqueName}/function-app'
  description: 'The function app signs for this registration.'
  audiences: ['api://AzureADTokenExchange']
  issuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
  subject: identityPrincipalId
}

// Only who was given a role can sign in at all.
resource servicePrincipal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: application.appId
  appRoleAssignmentRequired: true
}

output clientId string = servicePrincipal.appId
