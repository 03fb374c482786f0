"""English phrases. See `phrasebook` for what they may say."""

import regex

from ml.content.phrasebook import Angle, Phrasebook

PHRASES = Phrasebook(
    hooks={
        Angle.INSIGHT: (
            "Worth knowing:",
            "One for the curious.",
            "Small detail, good story.",
            "Today's topic: {pillar}.",
            "We like telling this one.",
            "File under {pillar}.",
            "A short one about {pillar}:",
            "Let's talk about {pillar}.",
        ),
        Angle.HOW_TO: (
            "Try this next time:",
            "In case it helps:",
            "The short version, for busy days:",
            "If you change one thing this week, change this.",
            "One to pin where you can see it.",
            "A tip to keep:",
            "Easy to forget, easy to fix.",
        ),
        Angle.BEHIND_THE_SCENES: (
            "A look behind the scenes.",
            "How we do it here:",
            "From our side of the counter:",
            "Not a secret, just rarely told:",
            "The part that you do not always see:",
        ),
        Angle.INVITATION: (
            "Save the date.",
            "One for your calendar:",
            "You are invited.",
            "Looking for a plan?",
            "Here is a good reason to drop by.",
            "Mark this one:",
        ),
        Angle.CONVERSATION: (
            "Did you know this one?",
            "New to you, or old news?",
            "Quick check: who knew this already?",
            "What comes to mind first when you hear “{pillar}”?",
            "Can we tell you something?",
            "Heard this before?",
        ),
        Angle.NUMBER: (
            "Number of the day: {number}.",
            "Remember this number: {number}.",
            "{number}. There is a story in that figure.",
            "Let's talk about one number: {number}.",
        ),
        Angle.ROUND_UP: (
            "Notes on {pillar}, in one place:",
            "What we would tell a friend about {pillar}:",
            "A short round-up on {pillar}:",
            "Bookmark-sized guide to {pillar}:",
        ),
    },
    bridges=(
        "And while we are at it:",
        "Also good to know:",
        "One more thing:",
        "On the same note:",
        "Then there is this:",
    ),
    questions=(
        "What would you add?",
        "Did this surprise you?",
        "Anything you would like to know more about?",
        "What should we tell you about next?",
        "Who would enjoy reading this?",
        "Which part is new to you?",
    ),
    practical_questions=(
        "How do you do it?",
        "Will you try it?",
        "What is your own trick?",
        "Tried it already? Tell us how it went.",
    ),
    event_questions=("Will we see you there?", "Who are you bringing along?", "Are you in?"),
    instruction=regex.compile(
        r"(?i)(?:^|[.:!?,]\s+)(?:start|use|let|keep|rinse|bring|grind|pour|wait|check|ask|choose|try|store|add|avoid|never|always)\b"
    ),
    schedule=regex.compile(
        r"(?i)\b(?:mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?|weekends?|every day)\b|\b\d{1,2}(?::\d\d)?\s?[ap]m\b"
    ),
    event=regex.compile(r"(?i)\b(?:class|classes|cupping|tasting|workshop|talk|concert|opening|meet-?up|market)\b"),
    first_person=regex.compile(r"(?i)\b(?:we|our|us)\b"),
)
