"""PDF work of the signing service: certificates, signatures, timestamps, drawn pages.

Nothing here uses nameko, a database or other services: bytes in, bytes out. Signing and drawing are CPU bound, so
callers run them in a thread pool (`eventlet.tpool.execute`).
"""
