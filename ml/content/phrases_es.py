"""Spanish phrases. See `phrasebook` for what they may say."""

import regex

from ml.content.phrasebook import Angle, Phrasebook

PHRASES = Phrasebook(
    hooks={
        Angle.INSIGHT: (
            "Merece la pena saberlo:",
            "Para gente curiosa.",
            "Un detalle pequeño con mucha historia.",
            "Hoy hablamos de {pillar}.",
            "Esto nos gusta contarlo.",
            "Apunte rápido sobre {pillar}:",
            "Va de {pillar}:",
            "Dicho en pocas palabras:",
        ),
        Angle.HOW_TO: (
            "Pruébalo la próxima vez:",
            "Por si te sirve:",
            "La versión corta, para días con prisa:",
            "Si esta semana cambias una sola cosa, que sea esta.",
            "Para tenerlo siempre a la vista:",
            "Fácil de olvidar, fácil de hacer bien.",
            "Un consejo para quedarse:",
        ),
        Angle.BEHIND_THE_SCENES: (
            "Así trabajamos por aquí:",
            "Desde este lado del mostrador:",
            "No es ningún secreto, pero casi nunca lo contamos:",
            "Un vistazo por dentro.",
            "Lo que no siempre se ve:",
            "Esta es nuestra forma de hacer las cosas:",
        ),
        Angle.INVITATION: (
            "Apunta la fecha.",
            "Una cita para tu calendario:",
            "¿Buscas plan?",
            "Esto es una invitación.",
            "Aquí tienes un buen motivo para venir.",
            "Reserva un hueco en la agenda:",
        ),
        Angle.CONVERSATION: (
            "¿Esto lo sabías?",
            "¿Te suena o es nuevo para ti?",
            "¿Quién lo sabía ya?",
            "¿Te contamos una cosa?",
            "¿Qué es lo primero que piensas si decimos «{pillar}»?",
            "¿Lo habías oído alguna vez?",
        ),
        Angle.NUMBER: (
            "El número del día: {number}.",
            "Quédate con este número: {number}.",
            "{number}. Esa cifra tiene su historia.",
            "Hablemos de un número: {number}.",
        ),
        Angle.ROUND_UP: (
            "Apuntes sobre {pillar}, todos juntos:",
            "Lo que le contaríamos a un amigo sobre {pillar}:",
            "Pequeña guía de {pillar}:",
            "Varias ideas sobre {pillar} en un minuto:",
        ),
    },
    bridges=(
        "Y ya que estamos:",
        "También conviene saber esto:",
        "Una cosa más:",
        "Siguiendo con el tema:",
        "Y luego está esto:",
    ),
    questions=(
        "¿Qué añadirías tú?",
        "¿Te ha sorprendido?",
        "¿Sobre qué quieres saber más?",
        "¿Qué te contamos la próxima vez?",
        "¿A quién le gustaría leer esto?",
        "¿Qué parte es nueva para ti?",
    ),
    practical_questions=(
        "¿Tú cómo lo haces?",
        "¿Te animas a probarlo?",
        "¿Cuál es tu truco?",
        "¿Ya lo haces así? Cuéntanos qué tal.",
    ),
    event_questions=("¿Te apuntas?", "¿Con quién vienes?", "¿Nos vemos allí?"),
    instruction=regex.compile(
        r"(?i)(?:^|[.:!?,]\s+)(?:usa|añade|deja|guarda|elige|haz|lleva|seca|tuesta|prueba|corta|lava|evita|nunca|siempre)\b"
    ),
    schedule=regex.compile(
        r"(?i)\b(?:lunes|martes|miércoles|jueves|viernes|sábados?|domingos?|fin de semana|cada mes)\b|\b\d{1,2}:\d\d\b"
    ),
    event=regex.compile(r"(?i)\b(?:taller|talleres|clase|clases|cata|charla|concierto|cocinan|encuentro|visita)\b"),
    first_person=regex.compile(
        r"(?i)\b(?:nuestr[oa]s?|compramos|cambiamos|usamos|hacemos|de la casa|servimos|abrimos)\b"
    ),
)
