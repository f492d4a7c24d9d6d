"""Web frontends elsewhere that may call the API for an organisation."""
