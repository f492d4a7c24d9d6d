"""Imports of a resource directory: iCarol's export, HSDS as JSON or as a package."""
