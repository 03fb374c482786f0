"""One module per network: its paths, authorisation, paging, limits and error bodies. No law of the world stands here."""
