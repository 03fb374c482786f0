"""X (API v2): posts, threads, polls, media in chunks, replies, public and private counts."""
