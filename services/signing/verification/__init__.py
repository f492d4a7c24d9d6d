"""Verifying files for anybody, with the public key alone."""
