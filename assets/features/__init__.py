"""Features: what is known about a post at its publication, from the matured past alone."""
