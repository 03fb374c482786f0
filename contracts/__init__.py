"""The vocabulary that every room of Pulso shares: records, ports, table schemas, settings, errors, the clock.

Belongs here: names and shapes that two or more rooms must agree on.
Does not belong here: behaviour, I/O, anything that imports another room of Pulso.
"""
