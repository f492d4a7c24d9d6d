"""The resource directory: agencies, programs and sites, and how they are found and kept by hand."""
