"""The resource directory: agencies, programs and sites; searching them and editing them by hand."""
