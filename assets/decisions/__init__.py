"""Decisions: ideas, drafts, slots and reply drafts, each with the evidence of the choice. Nothing here is visible outside."""
