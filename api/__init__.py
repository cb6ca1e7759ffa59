"""What all HTTP functions share: the application, the caller and permissions, problems, ETags and ranges."""
