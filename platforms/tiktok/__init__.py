"""TikTok (Content Posting, Display, API for Business): the wire, its shapes, its error codes, and their mapping to records."""
