"""YouTube (Data API v3, Analytics API v2): the wire, its shapes, its error codes and quota, and their mapping to Pulso's records."""
