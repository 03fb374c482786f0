"""Bronze: what the networks, rivals, imports and Pulso's own ledger said, as they said it, with the raw payload."""
