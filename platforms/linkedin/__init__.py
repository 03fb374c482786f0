"""LinkedIn (Community Management API): the Rest.li wire, its shapes, its error codes, and their mapping to Pulso's records."""
