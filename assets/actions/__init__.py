"""Actions: what was done. A scheduled run drains the outbox; materialising by hand only re-exports the ledger."""
