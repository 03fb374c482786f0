"""What to write about next, and the writing of it.

Belongs here: ideas (pillar x facts x angle x format), briefs, the offline composer, checks of what any writer returns.
Does not belong here: rules about what may be sent (policy), the text model's wire (providers), when to publish, forecasts.
"""

from ml.content.compose import COMPOSER_VERSION, Draft, compose
from ml.content.ideas import FORMATS, IDEAS_VERSION, NOT_DRAFTED, Idea, brief_for, propose_ideas
from ml.content.similarity import SeenTexts, similarity

__all__ = [
    "COMPOSER_VERSION",
    "FORMATS",
    "IDEAS_VERSION",
    "NOT_DRAFTED",
    "Draft",
    "Idea",
    "SeenTexts",
    "brief_for",
    "compose",
    "propose_ideas",
    "similarity",
]
