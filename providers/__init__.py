"""Outside services other than networks, behind the ports of `contracts`: text model, pictures, media.

Belongs here: one file a service, each failure as ProviderError. Does not belong here: what is asked of a service and why (ml),
what may be sent (policy), networks (platforms).
"""
