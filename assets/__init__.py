"""What exists: software-defined assets, one sub-package per stage.

Belongs here: thin assets that read, make one call into `ml` or a port, and return what they wrote; the checks of those assets.
Does not belong here: schedules and resources (`orchestration`), wire code (`platforms`), SQL (`dbt_project`), models (`ml`).
"""
