// What azd asks for comes from its environment; set the rest here. Every parameter is described in main.bicep.
using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'mailbox')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param appRegistrationClientId = readEnvironmentVariable('APP_REGISTRATION_CLIENT_ID_GIVEN', '')
param instanceMemoryMB = 2048
param maximumInstanceCount = 40
param alertEmails = []
param respondOrigins = []
