"""The Functions host and App Service's front before it: runs an app's functions as Azure does, on this
machine.
"""
