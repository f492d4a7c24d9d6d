"""Signing in with an outside OpenID Connect provider, set for each realm by the organisation."""
