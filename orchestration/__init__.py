"""When and with what: definitions, resources, jobs, schedules, automation. The composition root.

Nothing imports this package but `workspace.yaml` and the entry points.
"""
