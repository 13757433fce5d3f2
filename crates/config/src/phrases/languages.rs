//! The phrases, by language.

use super::Phrases;

/// A language and its phrases.
pub(super) const LANGUAGES: [(&str, Phrases); 13] = [
    (
        "de",
        Phrases {
            backchannels: "\
            mm, mmm, mhm, mh, hm, hmm, m-hm, aha, ah, ach, ach so, achso, oh, ja, jaja, \
            jo, jep, genau, okay, ok, gut, alles klar, klar, richtig, stimmt, verstehe, \
            ich verstehe, verstanden, super, prima, sehr gut, in ordnung, natürlich",
            stop: "\
            stopp, stop, halt, warte, warten sie, moment, nein, nee, nö, augenblick, \
            sekunde, entschuldigung, ruhe, pause, aufhören, hören sie auf, hör auf",
            open: "\
            und, oder, aber, weil, wenn, dass, dem, den, des, eine, einen, einem, \
            einer, mein, meine, meinen, meinem, unser, unsere, für, vom, zum, zur, ob, \
            sowie, äh, ähm, öhm",
        },
    ),
    (
        "fr",
        Phrases {
            backchannels: "\
            mm, mmm, mhm, hm, hmm, hum, ah, ah oui, ah bon, oh, oui, ouais, d'accord, \
            ok, okay, bien, très bien, tres bien, bien sûr, bien sur, voilà, voila, \
            exact, exactement, je vois, je comprends, compris, c'est ça, c'est ca, \
            entendu, parfait, super, tout à fait, tout a fait",
            stop: "\
            stop, arrêtez, arretez, arrête, arrete, attendez, attends, non, un instant, \
            un moment, une seconde, une minute, excusez-moi, excusez moi, pardon, \
            pause, silence, taisez-vous, taisez vous",
            open: "\
            et, ou, mais, parce que, car, le, les, des, du, de, au, aux, mon, ma, mes, \
            votre, vos, notre, nos, pour, dans, je, j'ai, euh, heu",
        },
    ),
    (
        "es",
        Phrases {
            backchannels: "\
            mm, mmm, mhm, hm, hmm, ajá, aja, ah, oh, sí, si, ya, ya veo, vale, ok, \
            okay, okey, bien, muy bien, bueno, claro, por supuesto, exacto, correcto, \
            entiendo, entendido, de acuerdo, perfecto, genial, cierto",
            stop: "\
            pare, alto, stop, espera, espere, espérate, esperate, no, un momento, \
            un segundo, momento, perdón, perdon, perdone, disculpe, disculpa, pausa, \
            silencio, basta, cállate, callate",
            open: "\
            y, o, pero, porque, que, el, los, las, un, del, de, al, su, sus, nuestro, \
            nuestra, para, con, en, eh, em",
        },
    ),
    (
        "it",
        Phrases {
            backchannels: "\
            mm, mmm, mhm, hm, hmm, ah, ah ecco, eh, oh, sì, si, già, ok, okay, okei, \
            bene, va bene, molto bene, certo, certamente, esatto, giusto, capisco, \
            capito, ho capito, d'accordo, perfetto, chiaro, ottimo",
            stop: "\
            stop, ferma, fermati, si fermi, fermo, alt, aspetta, aspetti, no, \
            un attimo, attimo, un momento, momento, un secondo, scusa, scusi, mi scusi, \
            pausa, silenzio, basta, zitto",
            open: "\
            e, o, ma, perché, che, il, lo, gli, del, della, dei, al, alla, mio, mia, \
            per, con, di, da, in, ehm, eh",
        },
    ),
    (
        "pt",
        Phrases {
            backchannels: "\
            mm, mmm, mhm, hm, hmm, uhum, aham, ah, oh, é, sim, tá, ta, tá bom, ta bom, \
            está bem, esta bem, ok, okay, bem, muito bem, certo, claro, com certeza, \
            exato, exatamente, isso, entendo, entendi, percebo, percebi, beleza, \
            perfeito, ótimo, otimo, pois, pois é",
            stop: "\
            pare, pára, stop, espera, espere, não, nao, um momento, um instante, \
            um segundo, só um momento, momento, desculpe, desculpa, com licença, \
            com licenca, pausa, silêncio, silencio, chega, calma",
            open: "\
            e, ou, mas, porque, que, os, do, da, dos, das, ao, meu, minha, seu, sua, \
            para, com, de, em, no, na, hum",
        },
    ),
    (
        "nl",
        Phrases {
            backchannels: "\
            mm, mmm, mhm, hm, hmm, ah, aha, oh, oké, oke, ok, okay, ja, jaja, jazeker, \
            jep, goed, heel goed, prima, precies, klopt, juist, natuurlijk, zeker, \
            begrepen, ik begrijp het, ik snap het, snap ik, duidelijk, is goed, top",
            stop: "\
            stop, stoppen, ho, wacht, wacht even, nee, neen, momentje, een moment, \
            moment, een ogenblik, ogenblik, seconde, sorry, pardon, excuseer, pauze, \
            stil, hou op, houd op",
            open: "\
            en, of, maar, omdat, als, de, mijn, uw, onze, van, met, te, eh, uh, uhm, \
            ehm",
        },
    ),
    (
        "pl",
        Phrases {
            backchannels: "\
            mm, mmm, mhm, hm, hmm, yhm, aha, ach, ah, oh, no, no tak, tak, tak tak, \
            jasne, dobrze, dobra, ok, okay, okej, rozumiem, zgadza się, zgadza sie, \
            dokładnie, dokladnie, właśnie, wlasnie, oczywiście, oczywiscie, pewnie, \
            w porządku, w porzadku, świetnie, swietnie, super",
            stop: "\
            stop, stój, stoj, czekaj, poczekaj, zaczekaj, proszę czekać, prosze czekac, \
            proszę poczekać, prosze poczekac, nie, chwila, chwilę, chwile, chwileczkę, \
            chwileczke, moment, momencik, sekundę, sekunde, przepraszam, pauza, cisza, \
            cicho, przestań, przestan, dość, dosc",
            open: "\
            i, oraz, ale, lub, albo, że, żeby, bo, ponieważ, w, we, z, ze, do, na, od, \
            dla, po, mój, moja, yyy, eee, hmm",
        },
    ),
    (
        "ru",
        Phrases {
            backchannels: "\
            да, да да, ну да, ага, угу, мм, ммм, хм, ах, так, ясно, понятно, понял, \
            поняла, хорошо, ладно, конечно, верно, точно, правильно, ок, окей, отлично, \
            разумеется, согласен, согласна",
            stop: "\
            стоп, стой, стойте, подожди, подождите, погоди, погодите, минутку, минуту, \
            секунду, секундочку, нет, хватит, извините, простите, помолчите, тихо, \
            пауза",
            open: "\
            и, или, но, а, что, чтобы, потому, если, в, во, на, с, к, у, о, для, мой, \
            моя, мои, э, эм, эээ",
        },
    ),
    (
        "zh",
        Phrases {
            backchannels: "\
            嗯, 哦, 噢, 喔, 啊, 好, 好的, 好啊, 好吧, 对, 对的, 对啊, 對, 對的, 對啊, \
            是, 是的, 是啊, 行, 可以, 没错, 沒錯, 明白, 明白了, 知道了, 了解, 瞭解, \
            懂了, 原来如此, 原來如此, 这样啊, 這樣啊, 没问题, 沒問題, ok, okay",
            stop: "\
            等一下, 等等, 等一等, 等会儿, 等會兒, 停一下, 停下, 停止, 暂停, 暫停, 打住, \
            慢着, 慢著, 别说了, 別說了, 不对, 不對, 不是, 打断一下, 打斷一下, 安静, \
            安靜",
            open: "\
            然后, 然後, 但是, 因为, 因為, 所以, 如果, 而且, 还有, 還有, 或者, 以及, \
            比如, 和, 跟, 呃, 我想",
        },
    ),
    (
        "ja",
        Phrases {
            backchannels: "\
            はい, うん, ええ, ああ, あー, へえ, へー, ふーん, ほう, そう, そうですか, \
            そうですね, そうなんですね, なるほど, なるほどね, 分かりました, \
            わかりました, 分かった, わかった, 了解, 了解です, 承知しました, もちろん, \
            いいですね, よかった, オーケー, ok, okay",
            stop: "\
            ちょっと待って, ちょっと待ってください, 待って, お待ちください, 止めて, \
            止まって, やめて, ストップ, すみません, いいえ, 違います, 違う, 静かに",
            open: "\
            それで, そして, それから, でも, または, あの, えっと, えーと, ええと, えー",
        },
    ),
    (
        "ko",
        Phrases {
            backchannels: "\
            네, 예, 응, 음, 아, 아 네, 아하, 오, 그래요, 그렇군요, 그렇죠, 맞아요, \
            맞습니다, 알겠습니다, 알겠어요, 알았어요, 이해했습니다, 좋아요, 좋습니다, \
            물론이죠, 그럼요, 오케이, ok, okay",
            stop: "\
            잠깐, 잠깐만, 잠깐만요, 잠시만요, 멈춰, 멈춰요, 멈추세요, 그만, 그만하세요, \
            아니, 아니요, 아니오, 저기요, 실례합니다, 기다려, 기다려요, 기다리세요, \
            조용히, 스톱",
            open: "\
            그리고, 하지만, 그런데, 그래서, 왜냐하면, 만약, 또는, 혹은, 그러니까, 어",
        },
    ),
    (
        "hi",
        Phrases {
            backchannels: "\
            हाँ, हां, हाँ जी, हां जी, जी, जी हाँ, जी हां, हम्म, अच्छा, ठीक, ठीक है, \
            सही, सही है, बिल्कुल, समझ गया, समझ गई, समझ गए, ओके, ओह, आह, बढ़िया, ज़रूर, \
            जरूर, ok, okay",
            stop: "\
            रुको, रुकिए, रुकें, रुक जाइए, रुक जाओ, एक मिनट, एक मिनिट, एक सेकंड, ठहरिए, \
            ठहरो, नहीं, सुनिए, माफ़ कीजिए, माफ कीजिए, चुप",
            open: "\
            और, या, लेकिन, मगर, क्योंकि, अगर, कि, का, के, की, मेरा, मेरी, मेरे",
        },
    ),
    (
        "ar",
        Phrases {
            backchannels: "\
            نعم, أجل, اجل, آه, اه, أها, امم, حسنا, حسنًا, طيب, تمام, صحيح, بالضبط, \
            فهمت, مفهوم, أكيد, اكيد, بالتأكيد, ممتاز, جيد, أوكي, اوكي, ايوه, أيوه, \
            أيوة, ok, okay",
            stop: "\
            توقف, توقفي, قف, انتظر, انتظري, لحظة, لحظه, دقيقة, دقيقه, ثانية, لا, عفوا, \
            عفوًا, المعذرة, اسمح لي, اسمحي لي, كفى, اسكت, مهلا, مهلًا",
            open: "\
            و, أو, او, لكن, لأن, لان, إذا, اذا, من, في, على, إلى, الى, عن, مع",
        },
    ),
];
