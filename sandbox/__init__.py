"""Every network, wire-true, on one local server, with a world behind it whose laws are known.

Belongs here: the wire formats of the networks written from their contracts, the seeded and the replayed world, faults, the
movable clock. Does not belong here: anything of Pulso. This package imports nothing of ours, because a mistake shared by both
sides of a wire would never be seen.
"""
