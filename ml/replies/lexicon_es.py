"""Spanish entries. See `lexicon` for how they are written."""

from ml.replies.lexicon import Lexicon

LEXICON = Lexicon(
    positive="""me encanta*, encanta*, encantad*, amo, adoro, genial*, bueno, buena, buenos, buenas, buenisim*, mejor, mejores, lindo, linda,
        bonit*, precios*, hermos*, increible*, maravill*, excelent*, perfect*, rico, rica, ricos, ricas, riquisim*, delici*, espectacular*,
        fantastic*, gracias, felicidades, felicitaciones, enhorabuena, feliz, felices, alegr*, contento, contenta, recomend*, guapo*, guapa*,
        maja, majo, majos, majas, amable*, gusto, placer, disfrut*, fenomenal, estupend*, brutal, top, crack*, bravo, ole, que pinta, que
        ganas, jaja*, orgull*, divertid*, acierto, favorit*, viva, suerte, exito*, abrazo*, bravisim*, inmejorable, de diez, un diez,
        guardada, guardadisima, lo mejor, molan, mola, chulo, chula, chulisim*""",
    negative="""mal, malo, mala, malos, malas, malisim*, peor, peores, horrible*, terrible*, fatal, asco, asqueros*, odio, odia, feo, fea,
        triste*, enfad*, enoj*, molest*, decepcion*, fracas*, roto, rota, rotos, rotas, sucio, sucia, caro, cara,
        caros, caras, carisim*, estafa*, robo, robaron, timo, mentira*, mentiros*, falso, falsa, problema*, error*, nunca mas, verguenza,
        vergonzos*, basura, mierda, puta, puto, idiota*, tont*, inutil*, ridicul*, injust*, desastre, desagradable*, maleducad*, grosero*,
        grosera*, inaceptable*, tarde, retras*, cancel*, queja*, reclam*, devol*, miedo, peligr*, dolor, duele, enferm*, muert*, murio,
        matar, guerra, crisis, llorar, lloro, perdi, perdido, perdida, lamentable*, lastima, pena, aburrid*, nadie contesta, nadie
        responde, sin respuesta, quemad*, crudo, cruda, pasad*, rancio, rancia, engan*, pesimo, pesima, pesimos, cansad*, hart*""",
    negators="no, nunca, jamas, nada, nadie, ningun, ninguna, sin, tampoco, ni",
    amplifiers="muy, mucho, mucha, tan, demasiado, super, totalmente, realmente, que, mas",
    question="cual, cuales, cuando, donde, quien, como, por que, cuanto, cuanta, cuantos, cuantas, a que hora, hay, teneis, tienen, tienes, se puede, puedo, podeis, pueden, haceis, hacen, alguien sabe, sabeis, saben, abris, abren, admitis, admiten, quedan",
    purchase="precio*, cuanto cuesta*, cuanto vale*, cuanto sale, comprar, vend*, pedir, pedido, envio*, enviais, envian, reserva*, disponib*, plazas, apuntar*, inscri*, inscripcion, descuento*, tarjeta regalo, hay sitio, mesa para, a domicilio, oferta*",
    support="mi pedido, mi paquete, mi reserva, mi cuenta, mi tarjeta, no ha llegado, no llego, no me llega, no funciona, no va la web, no carga, contrasena, iniciar sesion, factura, recibo, seguimiento, cobrado, necesito ayuda, ayuda por favor, me ayudais, me ayudan, no puedo entrar, no puedo pagar, sigo esperando",
    complaint="nadie contesta, nadie responde, sin respuesta, no contestan, no contestais, no responden, nunca mas, esperamos, esperando, llego fria, llego frio, llego tarde, cobrado dos veces, me habeis cobrado, desagradable, maleducad*, caro, carisim*, subido los precios, subida de precio*, decepcion*, fatal, pesimo, pesima, horrible, asco, roto, rota, inaceptable, verguenza, antes era mejor, antes erais mejores, quemad*, crudo, cruda, sucio, sucia, no vuelvo, no volvere, muy mal, mala atencion, equivocad*, no era lo que",
    sensitive="devol*, reembolso*, mi dinero, abogad*, denunci*, demanda, legal*, juicio, policia, consumo, hoja de reclamaciones, alergi*, alergen*, enferm*, intoxic*, hospital, medic*, embaraz*, diabet*, celiac*, gluten, frutos secos, lactosa, vegan*, accidente*, lesion*, peligr*, insegur*, urgencias, ambulancia, muert*, murio, suicid*, matar, racis*, machis*, homofob*, acos*, agredi*, discrimin*, robo, robaron, estafa*, fraude, datos personales, rgpd, periodista, prensa, un pelo, insecto, cucaracha, moho",
    spam="seguidores gratis, mas seguidores, mira mi perfil, en mi perfil, link en mi, enlace en mi, link en la bio, enlace en la bio, por privado, escribeme ya, escribeme al, gana dinero, ganar dinero, desde casa, invierte, inversion*, cripto*, bitcoin, forex, whatsapp, telegram, sigueme, te sigo, casino, prestamo*, ingresos pasivos, haz clic, sorteo ganador, onlyfans",
    urgent="urgente*, urgencia, ya mismo, ahora mismo, cuanto antes, inmediatamente, hoy mismo, llevo dias, hace dias, hace semanas, tercera vez, sigo esperando, por favor ayuda",
)
