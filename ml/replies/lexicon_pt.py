"""Brazilian Portuguese entries. See `lexicon` for how they are written."""

from ml.replies.lexicon import Lexicon

LEXICON = Lexicon(
    positive="""amo, amei, amamos, adoro, adorei, lindo, linda, lindos, lindas, lindissim*, bom, boa, bons, boas, otimo, otima, otimos,
        otimas, melhor, melhores, maravilh*, incrivel, incriveis, perfeit*, excelente*, sensacional, top, show, massa, demais, legal,
        bacana, gostei, gostos*, delici*, obrigad*, valeu, parabens, feliz, felizes, alegria, orgulh*, recomendo, sucesso, fantastic*,
        espetacular, fofo, fofa, kkk*, haha*, rsrs*, curti, arras*, saudade*, energia boa, nota dez, nota 10, gratidao, carinho, carinhos*,
        atencios*, simpatic*, divertid*, inspir*, bonit*, favorit*, viva, sorte, abraco*, bora, brabo, braba, animal, irado, irada, sonho""",
    negative="""ruim, ruins, pessim*, horrivel, horriveis, terrivel, pior, piores, mal, mau, odeio, odiei, feio, feia, triste*, raiva, nojo,
        nojent*, decepcion*, decepcao, fracass*, quebrad*, quebrou, demora*, demorou, sujo, suja, caro, cara,
        caros, caras, carissim*, golpe, roubo, roubad*, mentir*, fals*, problema*, erro*, nunca mais, vergonha, lixo, merda, porra, droga,
        idiota*, burro, inutil, ridicul*, injust*, desastre, grosso, grossa, grosseir*, mal educad*, inaceitavel, absurdo, atras*, cancel*,
        reclam*, reembols*, medo, perigo*, dor, doeu, machuc*, doente*, morte, morreu, matar, guerra, crise, chorar, choro, perdi, perdeu,
        lamentavel, pena, chato, chata, ninguem responde, sem resposta, nada de resposta, amassad*, rachad*, enganad*, cansad*, descaso,
        desrespeit*, falta de""",
    negators="nao, nunca, jamais, nada, ninguem, nenhum, nenhuma, sem, nem, tampouco, num",
    amplifiers="muito, muita, tao, demais, super, totalmente, realmente, mega, mais, bem",
    question="o que, qual, quais, quando, onde, quem, como, por que, quanto, quanta, quantos, quantas, que horas, tem, voces tem, vcs tem, pode, posso, podem, alguem sabe, sabem, da para, da pra, precisa, aceita, aceitam, funciona, fazem, tem como, sera que",
    purchase="preco*, quanto custa*, quanto e, quanto ta, quanto fica, qual o valor, valor, valores, comprar, vende*, pedir, encomend*, entrega*, entregam, frete, reserv*, disponi*, vagas, vaga, inscri*, matricul*, agendar, agendamento, desconto*, vale presente, aluguel, alugar, pacote, promocao",
    support="meu pedido, minha reserva, minha conta, meu cartao, minha aula, nao chegou, nao funciona, nao carrega, nao consigo, senha, login, nota fiscal, recibo, rastre*, cobrado, cobraram, preciso de ajuda, me ajuda, me ajudem, ajuda por favor, site fora, site caiu, ainda esperando, tentando falar",
    complaint="ninguem responde, ninguem atende, sem resposta, nada de resposta, nao respondem, nunca mais, esperei, esperamos, esperando, atras*, demorou, demora, cobrado duas vezes, cobraram duas vezes, veio com, chegou fri*, veio fri*, veio quebrad*, veio amassad*, veio errad*, grosso, grossa, mal educad*, caro, carissim*, subiu o preco, preco subiu, aumentou, decepcion*, pessim*, horrivel, nojo, quebrad*, inaceitavel, vergonha, absurdo, descaso, antes era melhor, ja foi melhor, nao volto, muito ruim, mal atendid*, nao gostei, tentando falar, achei perigos*, errado, errada",
    sensitive="reembols*, estorno, meu dinheiro, dinheiro de volta, advogad*, process*, procon, judicial, justica, policia, boletim de ocorrencia, alergi*, doente*, intoxic*, hospital, medic*, gravid*, gestante*, diabet*, gluten, lactose, vegan*, acidente*, machuc*, les*o, lesao, lesoes, perigo*, insegur*, afog*, emergencia, ambulancia, samu, morte, morreu, suicid*, matar, racis*, machis*, homofob*, assedi*, agredi*, discrimin*, roubo, roubad*, furto, golpe, fraude, dados pessoais, lgpd, jornalista, imprensa, tubarao, tubaroes",
    spam="seguidores gratis, mais seguidores, no meu perfil, meu perfil, link na bio, link no meu, chama no privado, no privado, renda extra, ganhe dinheiro, ganhar dinheiro, em casa, trabalhe de casa, invista, investimento*, cripto*, bitcoin, forex, me chama no whats*, whatsapp, telegram, me segue, sigo de volta, sdv, cassino, emprestimo*, tigrinho, clique aqui, clica no link, onlyfans",
    urgent="urgente*, urgencia, agora mesmo, o quanto antes, imediatamente, hoje ainda, ha dias, faz dias, ha semanas, faz duas semanas, terceira vez, ainda esperando, socorro, por favor ajuda",
)
