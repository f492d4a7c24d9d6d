"""Authors: the side on which an author works, and the name that others may see."""
