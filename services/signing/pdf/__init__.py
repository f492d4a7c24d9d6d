"""PDF work of the signing service: screening, certificates, signatures, timestamps, drawn pages.

Nothing here knows nameko, a database or the network of services: bytes in, bytes out. Signing and drawing are
CPU bound; callers run them in a thread pool (`eventlet.tpool.execute`), screening runs in a child process by itself.
"""
