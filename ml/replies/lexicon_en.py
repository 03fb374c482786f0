"""English entries. See `lexicon` for how they are written."""

from ml.replies.lexicon import Lexicon

LEXICON = Lexicon(
    positive="""love*, loving, lovely, great, greatest, good, best, better, nice, amazing, awesome, excellent, perfect*, wonderful*,
        fantastic, beautiful*, gorgeous, delicious, tasty, yum*, happy, happier, glad, excited, exciting, can't wait, cant wait, looking
        forward, fun, enjoy*, thank*, thx, congrat*, proud, favorite*, favourite*, cool, brilliant, superb, stunning, sweet, cute, win,
        wins, winning, winner, won, bless*, blessed, hope, hopeful, cheers, impressive, impressed, inspir*, friendly, helpful, kind,
        recommend*, incredible, outstanding, well done, good job, ten out of ten, 10/10, must try, made my day, hands down, epic,
        thrilled, welcome, lucky, smile*, smiling, laugh*, haha*, lol, yay, wow, legend*, genius, pretty, super, fab*, ready for, pumped,
        adorable, charming, cozy, cosy, top notch, worth it, so good, hype, stoked, obsessed, celebrat*, support*, respect, success*""",
    negative="""bad, worse, worst, terrible, awful, horrible, hate*, hating, disgust*, gross, nasty, poor, sad, sadly, angry, mad,
        furious, annoy*, disappoint*, fail*, failure, broken, broke, rude, dirty, stale, burnt, overpriced, expensive, ripoff,
        rip off, scam*, waste, wasted, useless, stupid, idiot*, dumb, sick, sucks, suck, sucked, ugly, boring, bored, lie*, liar*, lying,
        fake, wrong, problem*, issue*, never again, not ok, not okay, ridiculous, pathetic, shame*, shit*, fuck*, damn, hell, crap*, ass,
        bitch*, kill*, dead, death, die, died, dying, murder*, attack*, war, terror*, racist, racism, corrupt*, crime*, criminal*, crisis,
        danger*, afraid, scared, fear*, worry, worried, worrying, tired, exhausted, cry, crying, tears, hurt*, pain*, injur*, lost, lose,
        loser*, losing, loss, miss, missed, missing, unfortunately, unfair, disgrac*, disaster, mess, trash, garbage, rubbish, joke,
        unacceptable, late, delay*, cancel*, refund*, complain*, complaint, weird, creepy, painful, upset, ashamed, sorry, regret, wtf,
        smh, ugh, nope, protest*, ban, banned, blame*, ignor*, arrogant, overrated, underwhelm*, blocked, violen*, nobody answers""",
    negators="not, no, never, nothing, nobody, none, neither, without, hardly, barely, don't, dont, doesn't, doesnt, didn't, didnt, isn't, isnt, wasn't, wasnt, aren't, arent, won't, wont, can't, cant, cannot, couldn't, shouldn't, wouldn't, ain't, aint",
    amplifiers="very, so, really, too, extremely, absolutely, totally, super, incredibly, fucking, such, completely, truly",
    question="what, what's, whats, when, where, where's, who, why, how, which, do you, does, did you, is there, are there, are you, is it, can i, can you, could you, may i, will you, would you, have you, anyone know, any chance, wondering if, is the, are the",
    purchase="price*, how much, cost*, buy, order, sell, selling, for sale, in stock, available, availability, ship, shipping, deliver, delivery, book, booking, reserve, reservation, sign up, enroll, seats left, spots left, any spots, gift card*, discount, subscription",
    support="my order, my package, my booking, my account, my card, didn't arrive, did not arrive, hasn't arrived, not arrived, tracking, doesn't work, does not work, not working, isn't working, stopped working, log in, login, password, can't access, can not access, error, help me, need help, please help, charged, invoice, receipt, website is down, app crash*, still waiting",
    complaint="never again, waited, waiting, nobody answer*, no one answer*, no answer, no reply, no response, cold when, was cold, arrived broken, arrived late, broken, overcharged, charged twice, rude, unacceptable, disappointed, disappointing, went downhill, prices went up, too expensive, overpriced, wrong order, worst, terrible, awful, horrible, disgusting, ripped off, wait of, taste* burnt, used to be better, not happy, fix your, fix this, ruined, dirty, stale, closed when",
    sensitive="refund*, money back, chargeback, lawyer*, lawsuit, sue, suing, legal*, court, police, allerg*, sick, ill, poison*, hospital*, doctor, medical, medicine, pregnan*, diabet*, injur*, hurt, accident*, danger*, unsafe, emergency, ambulance, died, death, suicid*, kill*, racis*, sexis*, homophob*, harass*, assault*, discriminat*, child abuse, stolen, theft, fraud, scam*, data breach, personal data, gdpr, journalist, press, reporter, hair in, insect, cockroach, mold, mould, gluten, vegan, nuts, lactose",
    spam="free followers, more followers, check my profile, check my page, link in my, link in bio, dm us, dm me, dm for, promote it on, featured on, crypto*, bitcoin, forex, trading signals, earn money, earn * a week, work from home, message me now, investment, whatsapp me, telegram, cash app, giveaway winner, click here, click the link, onlyfans, follow me, follow back, f4f, sugar daddy, casino, loan*, make money, passive income, from home",
    urgent="urgent*, asap, right now, immediately, emergency, now please, today please, as soon as possible, still waiting, third time, days ago, for days, for weeks, help",
)
