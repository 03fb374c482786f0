"""The warehouse at ten thousand accounts, measured against the same marts written by hand."""
