"""Facebook Pages (Graph API): the wire, its shapes, its error codes, and their mapping to Pulso's records."""
