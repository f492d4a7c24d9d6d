"""The resource directory: agencies, programs and sites, imported from iCarol's export."""
