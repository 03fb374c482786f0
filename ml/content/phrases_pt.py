"""Brazilian Portuguese phrases. See `phrasebook` for what they may say."""

import regex

from ml.content.phrasebook import Angle, Phrasebook

PHRASES = Phrasebook(
    hooks={
        Angle.INSIGHT: (
            "Vale a pena saber:",
            "Para quem é curioso.",
            "Um detalhe pequeno, mas com história.",
            "Hoje o assunto é {pillar}.",
            "Essa a gente gosta de contar.",
            "Anota aí sobre {pillar}:",
            "Falando em {pillar}:",
            "Em poucas palavras:",
        ),
        Angle.HOW_TO: (
            "Experimente na próxima vez:",
            "Se ajudar, fica a dica:",
            "A versão curta, para dias corridos:",
            "Se for mudar uma coisa só esta semana, que seja esta.",
            "Fácil de esquecer, fácil de acertar.",
            "Um conselho para levar:",
            "Para guardar e usar:",
        ),
        Angle.BEHIND_THE_SCENES: (
            "É assim que a gente trabalha:",
            "Do lado de cá do balcão:",
            "Não é segredo, só quase ninguém conta:",
            "Um pouco dos bastidores.",
            "O que nem sempre aparece nas fotos:",
            "Esse é o nosso jeito de fazer as coisas:",
        ),
        Angle.INVITATION: (
            "Anote na agenda.",
            "Já tem programa?",
            "Isto é um convite.",
            "Um bom motivo para aparecer:",
            "Marque esse dia:",
            "Reserve um tempinho:",
        ),
        Angle.CONVERSATION: (
            "Dessa você sabia?",
            "Novidade para você ou já conhecia?",
            "Quem aí já sabia?",
            "Podemos contar uma coisa?",
            "O que vem primeiro à cabeça quando a gente fala em “{pillar}”?",
            "Já tinha ouvido essa?",
        ),
        Angle.NUMBER: (
            "O número do dia: {number}.",
            "Guarde este número: {number}.",
            "{number}. Esse número tem história.",
            "Vamos falar de um número: {number}.",
        ),
        Angle.ROUND_UP: (
            "Anotações sobre {pillar}, tudo em um lugar só:",
            "O que a gente diria a um amigo sobre {pillar}:",
            "Pequeno guia de {pillar}:",
            "Algumas ideias sobre {pillar} em um minuto:",
        ),
    },
    bridges=(
        "E já que estamos no assunto:",
        "Também é bom saber:",
        "Mais uma coisa:",
        "Na mesma linha:",
        "E tem mais esta:",
    ),
    questions=(
        "O que você acrescentaria?",
        "Isso surpreendeu você?",
        "Sobre o que você quer saber mais?",
        "O que a gente conta da próxima vez?",
        "Quem vai gostar de ler isso?",
        "Que parte é nova para você?",
    ),
    practical_questions=(
        "E você, como faz?",
        "Vai experimentar?",
        "Qual é o seu truque?",
        "Já faz assim? Conta como foi.",
    ),
    event_questions=("Vem com a gente?", "Quem você vai trazer?", "A gente se vê lá?"),
    instruction=regex.compile(
        r"(?i)(?:^|[.:!?,]\s+)(?:use|deixe|escolha|enxágue|nunca deixe|olhe|observe|reme|guarde|evite|sempre|olhe também)\b"
    ),
    schedule=regex.compile(
        r"(?i)\b(?:segundas?|terças?|quartas?|quintas?|sextas?|sábados?|domingos?|fim de semana|todo dia|toda semana)\b|\b\d{1,2}h(?:\d\d)?\b"
    ),
    event=regex.compile(r"(?i)\b(?:aula|aulas|mutirão|treino|encontro|campeonato|oficina aberta|palestra)\b"),
    first_person=regex.compile(r"(?i)\b(?:a gente|noss[oa]s?|nós|por aqui|da escola|na escola|a escola)\b"),
)
