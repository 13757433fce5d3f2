//! Greetings, short answers and questions that are complete in themselves, by language; the English ones are the turn
//! machine's defaults. Words with which sentences often begin (well, so, please, excuse me) are left out, because
//! their speaker goes on.

/// A language and its phrases, separated by commas.
pub(super) const COMPLETE: [(&str, &str); 13] = [
    (
        "de",
        "hallo, hallöchen, hello, hi, hey, guten morgen, guten tag, guten abend, gute nacht, grüß gott, \
         grüß dich, grüezi, servus, moin, moin moin, tag, wie geht's, wie geht es dir, wie geht es ihnen, \
         mir geht es gut, tschüss, tschüs, auf wiedersehen, auf wiederhören, bis bald, bis dann, \
         schönen tag noch, einen schönen tag noch, danke, danke schön, dankeschön, danke sehr, vielen dank, \
         besten dank, ja danke, ja bitte, nein danke, bitte sehr, gerne, gern, sehr gerne, ja, ja gerne, \
         jawohl, jep, genau, nein, nee, nö, okay, ok, gut, sehr gut, alles klar, klar, na klar, richtig, \
         das stimmt, stimmt, natürlich, sicher, in ordnung, passt, das passt, perfekt, prima, super, \
         vielleicht, noch nicht, niemals, nie, nichts, sonst nichts, das ist alles, das war's, das wär's, \
         ich weiß nicht, weiß ich nicht, keine ahnung, ich verstehe, verstehe, verstanden, ich auch, \
         wer ist da, wer ist das, wer sind sie, wer bist du, wer spricht da, was ist das, was meinen sie, \
         wie bitte, warum nicht, wie spät ist es, sind sie da, sind sie noch da, bist du da, bist du noch da, \
         ist da jemand, ist jemand da, hören sie mich, hörst du mich, können sie mich hören, \
         kannst du mich hören",
    ),
    (
        "fr",
        "bonjour, bonsoir, salut, allô, allo, hello, coucou, bonne nuit, bonjour madame, bonjour monsieur, \
         comment allez-vous, comment allez vous, comment vas-tu, comment ça va, ça va, ca va, ça va bien, \
         je vais bien, enchanté, au revoir, à bientôt, a bientôt, à plus tard, bonne journée, bonne soirée, \
         merci, merci beaucoup, merci bien, non merci, oui merci, oui s'il vous plaît, oui s'il te plaît, \
         de rien, oui, ouais, mais oui, bien sûr, bien sur, d'accord, ok, okay, entendu, parfait, \
         très bien, tres bien, bien, exact, exactement, tout à fait, c'est ça, c'est ca, c'est exact, \
         c'est bon, c'est tout, ça marche, volontiers, non, non plus, pas du tout, pas encore, jamais, \
         peut-être, peut être, rien, rien d'autre, je ne sais pas, je sais pas, je comprends, compris, \
         moi aussi, qui est-ce, qui est ce, qui êtes-vous, qui êtes vous, qui est là, c'est qui, \
         qu'est-ce que c'est, c'est quoi, pourquoi, pourquoi pas, quelle heure est-il, vous êtes là, \
         êtes-vous là, tu es là, il y a quelqu'un, y a quelqu'un, vous m'entendez, m'entendez-vous, \
         tu m'entends, est-ce que vous m'entendez",
    ),
    (
        "es",
        "hola, hello, buenos días, buenos dias, buenas tardes, buenas noches, buenas, buen día, buen dia, \
         qué tal, que tal, cómo está, como esta, cómo estás, como estas, cómo está usted, estoy bien, \
         muy bien, mucho gusto, encantado, encantada, diga, dígame, digame, aló, adiós, adios, chao, \
         hasta luego, hasta pronto, hasta mañana, que tenga un buen día, gracias, muchas gracias, \
         mil gracias, no gracias, sí gracias, si gracias, sí por favor, si por favor, de nada, sí, \
         sí señor, sí señora, claro, claro que sí, por supuesto, vale, ok, okay, de acuerdo, exacto, \
         exactamente, correcto, eso es, así es, asi es, perfecto, está bien, esta bien, bien, entendido, \
         entiendo, no, claro que no, todavía no, todavia no, aún no, nunca, nada, nada más, nada mas, \
         eso es todo, tal vez, quizás, quizas, no sé, no se, no lo sé, no lo se, no entiendo, yo también, \
         quién es, quien es, quién eres, quien eres, quién habla, quien habla, qué es eso, qué hora es, \
         por qué no, está ahí, estás ahí, estas ahí, sigue ahí, hay alguien, hay alguien ahí, me oye, \
         me oyes, me escucha, me escuchas",
    ),
    (
        "it",
        "ciao, salve, hello, pronto, buongiorno, buon giorno, buonasera, buona sera, buonanotte, \
         buon pomeriggio, come sta, come stai, come va, tutto bene, sto bene, piacere, arrivederci, \
         arrivederla, a presto, a dopo, buona giornata, buona serata, grazie, grazie mille, molte grazie, \
         tante grazie, no grazie, sì grazie, si grazie, sì per favore, si per favore, prego, di niente, \
         sì, si, certo, certo che sì, certamente, va bene, ok, okay, d'accordo, esatto, esattamente, giusto, \
         è giusto, perfetto, benissimo, molto bene, bene, volentieri, capito, ho capito, capisco, no, \
         certo che no, non ancora, mai, niente, nient'altro, è tutto, basta così, forse, non lo so, non so, \
         non capisco, anch'io, chi è, chi sei, chi parla, con chi parlo, cos'è, che cos'è, che ore sono, \
         perché no, c'è qualcuno, c'è nessuno, è lì, ci sei, è ancora lì, sei ancora lì, mi sente, mi senti",
    ),
    (
        "pt",
        "olá, ola, oi, alô, alo, hello, estou sim, bom dia, boa tarde, boa noite, \
         como vai, como está, como esta, como vai você, tudo bem, tudo bom, estou bem, muito prazer, tchau, \
         adeus, até logo, ate logo, até mais, até breve, até amanhã, tenha um bom dia, obrigado, obrigada, \
         muito obrigado, muito obrigada, não obrigado, nao obrigado, não obrigada, sim obrigado, \
         sim obrigada, sim por favor, de nada, sim, sim senhor, sim senhora, claro, claro que sim, \
         com certeza, certo, exato, exatamente, isso, isso mesmo, correto, está certo, está bem, esta bem, \
         tá bom, ta bom, ok, okay, perfeito, muito bem, beleza, combinado, entendi, entendido, não, nao, \
         claro que não, ainda não, ainda nao, nunca, nada, mais nada, nada mais, é tudo, é só isso, \
         só isso, talvez, não sei, nao sei, não entendi, nao entendi, eu também, quem é, quem é você, \
         quem fala, quem está falando, com quem falo, o que é isso, que horas são, por que não, \
         você está aí, ainda está aí, está aí, tem alguém aí, está me ouvindo, você me ouve, me ouve",
    ),
    (
        "nl",
        "hallo, hoi, hey, hello, dag, goedemorgen, goedemiddag, goedenavond, goedendag, goeiemorgen, \
         goeiedag, hoe gaat het, hoe gaat het met u, hoe gaat het met je, het gaat goed, met mij gaat het goed, \
         aangenaam, doei, tot ziens, tot straks, tot later, fijne dag, fijne dag nog, prettige dag, dank u, \
         dank u wel, dank je, dank je wel, dankjewel, dankuwel, bedankt, hartelijk dank, nee bedankt, \
         nee dank u, nee dank je, ja graag, graag, graag gedaan, ja, ja hoor, jazeker, jawel, jep, zeker, \
         natuurlijk, oké, oke, ok, okay, goed, heel goed, prima, perfect, precies, klopt, dat klopt, juist, \
         akkoord, is goed, dat is goed, begrepen, ik begrijp het, nee, neen, nee hoor, nog niet, nooit, niets, \
         niks, verder niets, dat is alles, dat was het, misschien, ik weet het niet, weet ik niet, geen idee, \
         ik ook, wie is daar, wie is dat, wie bent u, wie ben je, met wie spreek ik, wat is dat, wat zegt u, \
         wat zeg je, waarom niet, hoe laat is het, bent u daar, bent u er nog, ben je daar, ben je er nog, \
         is daar iemand, is er iemand, hoort u mij, hoor je mij, kunt u mij horen, kun je me horen",
    ),
    (
        "pl",
        "cześć, czesc, hej, halo, hello, witam, witaj, dzień dobry, dzien dobry, dobry wieczór, \
         dobry wieczor, dobranoc, jak się masz, jak sie masz, jak się pan ma, jak się pani ma, co słychać, \
         co slychac, miło mi, wszystko dobrze, do widzenia, do zobaczenia, do usłyszenia, do uslyszenia, \
         na razie, pa, miłego dnia, milego dnia, dziękuję, dziekuje, dzięki, dzieki, dziękuję bardzo, \
         dziekuje bardzo, bardzo dziękuję, nie dziękuję, nie dziekuje, tak poproszę, tak poprosze, \
         tak proszę, tak prosze, poproszę, poprosze, nie ma za co, tak, no tak, jasne, oczywiście, \
         oczywiscie, pewnie, dobrze, dobra, ok, okay, okej, zgoda, zgadza się, zgadza sie, dokładnie, \
         dokladnie, właśnie, wlasnie, w porządku, w porzadku, świetnie, swietnie, rozumiem, nie, \
         jeszcze nie, nigdy, nic, nic więcej, nic wiecej, to wszystko, być może, nie wiem, \
         nie rozumiem, ja też, kto tam, kto to, kto to jest, kto mówi, kto mowi, kim pan jest, kim pani jest, \
         co to jest, dlaczego nie, która godzina, ktora godzina, jest pan tam, jest pani tam, jest tam ktoś, \
         jest tam ktos, jest ktoś, słyszy mnie pan, słyszy mnie pani, słyszysz mnie, czy mnie słychać",
    ),
    (
        "ru",
        "привет, здравствуйте, здравствуй, алло, алё, добрый день, доброе утро, добрый вечер, \
         доброй ночи, спокойной ночи, приветствую, как дела, как вы, как поживаете, всё хорошо, \
         все хорошо, хорошо, очень приятно, до свидания, до встречи, пока, всего доброго, хорошего дня, \
         спасибо, большое спасибо, спасибо большое, благодарю, нет спасибо, да спасибо, да пожалуйста, \
         не за что, да, да да, ага, угу, конечно, разумеется, верно, точно, именно, правильно, так точно, \
         ладно, окей, ок, отлично, прекрасно, согласен, согласна, понятно, понял, поняла, ясно, нет, \
         конечно нет, ещё нет, еще нет, пока нет, никогда, ничего, больше ничего, это всё, это все, \
         может быть, наверное, не знаю, я не знаю, не понимаю, я тоже, кто там, кто это, кто вы, \
         кто говорит, с кем я говорю, что это, почему нет, который час, сколько времени, вы там, \
         вы ещё там, вы здесь, ты там, ты здесь, есть кто-нибудь, кто-нибудь есть, вы меня слышите, \
         ты меня слышишь, меня слышно, слышно меня",
    ),
    (
        "zh",
        "喂, 你好, 您好, 你们好, 你們好, 大家好, 嗨, 哈喽, 哈囉, 早, 早上好, 早安, 上午好, 下午好, 晚上好, \
         晚安, 午安, 你好吗, 你好嗎, 您好吗, 您好嗎, 最近好吗, 我很好, 很高兴认识你, 再见, 再見, 拜拜, \
         回头见, 回頭見, 谢谢, 謝謝, 谢谢你, 謝謝你, 谢谢您, 謝謝您, 多谢, 多謝, 非常感谢, 非常感謝, \
         不用谢, 不用謝, 不客气, 不客氣, 不用了, 不用了谢谢, 不用了謝謝, 是, 是的, 是啊, 对, 對, 对的, \
         對的, 对啊, 對啊, 没错, 沒錯, 好, 好的, 好啊, 好吧, 行, 可以, 当然, 當然, 没问题, 沒問題, 明白, \
         明白了, 知道了, 了解, 不, 不是, 不对, 不對, 没有, 沒有, 还没有, 還沒有, 不行, 不要, 不知道, \
         我不知道, 不明白, 也许吧, 也許吧, 就这样, 就這樣, 就这些, 就這些, 没有了, 沒有了, 我也是, 谁啊, \
         誰啊, 谁呀, 你是谁, 你是誰, 您是谁, 您是誰, 您哪位, 哪位, 那是谁, 那是誰, 是谁, 是誰, 这是什么, \
         這是什麼, 什么意思, 什麼意思, 为什么, 為什麼, 几点了, 幾點了, 在吗, 在嗎, 你在吗, 你在嗎, \
         您在吗, 您在嗎, 有人吗, 有人嗎, 听得到吗, 聽得到嗎, 能听到我吗, 能聽到我嗎, 你听得见吗, 你聽得見嗎",
    ),
    (
        "ja",
        "もしもし, こんにちは, こんばんは, おはよう, おはようございます, おやすみなさい, やあ, どうも, \
         はじめまして, 初めまして, お元気ですか, 元気です, お世話になっております, お世話になります, \
         さようなら, さよなら, じゃあね, またね, 失礼します, ありがとう, ありがとうございます, \
         ありがとうございました, どうもありがとう, どうもありがとうございます, どういたしまして, はい, \
         はいそうです, はいお願いします, お願いします, ええ, うん, そうです, そうですね, もちろん, \
         もちろんです, いいです, いいですよ, いいですね, 大丈夫, 大丈夫です, 結構です, 了解です, \
         分かりました, わかりました, 承知しました, いいえ, いいえ結構です, いや, 違います, まだです, \
         ないです, ありません, ございません, 以上です, それだけです, たぶん, 多分, 知りません, \
         分かりません, わかりません, 私もです, 誰, 誰ですか, だれですか, どなたですか, どちら様ですか, \
         何ですか, なんですか, どういう意味ですか, なぜですか, 何時ですか, 今何時ですか, いますか, \
         いらっしゃいますか, 誰かいますか, 聞こえますか, 聞こえますでしょうか",
    ),
    (
        "ko",
        "여보세요, 안녕하세요, 안녕하십니까, 안녕, 반갑습니다, 반가워요, 처음 뵙겠습니다, 잘 지내세요, \
         어떻게 지내세요, 잘 지내요, 안녕히 계세요, 안녕히 가세요, 수고하세요, 감사합니다, 고맙습니다, \
         고마워요, 정말 감사합니다, 괜찮아요, 괜찮습니다, 네 감사합니다, 아니요 괜찮아요, \
         아니요 괜찮습니다, 천만에요, 네, 예, 응, 네 맞아요, 네 맞습니다, 맞아요, 맞습니다, 그래요, \
         그럼요, 물론이죠, 물론입니다, 좋아요, 좋습니다, 알겠습니다, 알겠어요, 알았어요, 아니요, 아니오, \
         아뇨, 아니, 아직요, 아직이요, 아직 아니에요, 없어요, 없습니다, 그게 다예요, 그게 전부예요, \
         이상입니다, 글쎄요, 아마도요, 몰라요, 모르겠어요, 모르겠습니다, 저도요, 누구세요, 누구십니까, \
         누구시죠, 누구예요, 뭐예요, 뭐라고요, 무슨 뜻이에요, 왜요, 몇 시예요, 지금 몇 시예요, 계세요, \
         거기 계세요, 누구 있어요, 누구 계세요, 들리세요, 제 말 들리세요, 들려요",
    ),
    (
        "hi",
        "नमस्ते, नमस्कार, हेलो, हैलो, हलो, हाय, प्रणाम, राम राम, सुप्रभात, शुभ संध्या, शुभ रात्रि, आप कैसे हैं, \
         कैसे हैं आप, क्या हाल है, मैं ठीक हूँ, मैं ठीक हूं, अलविदा, फिर मिलेंगे, धन्यवाद, बहुत धन्यवाद, \
         बहुत बहुत धन्यवाद, शुक्रिया, बहुत शुक्रिया, नहीं धन्यवाद, जी धन्यवाद, हाँ, हां, जी, जी हाँ, जी हां, \
         हाँ जी, हां जी, ठीक, ठीक है, अच्छा, सही, सही है, बिल्कुल, ज़रूर, जरूर, बेशक, बढ़िया, ओके, समझ गया, \
         समझ गई, नहीं, जी नहीं, नहीं जी, अभी नहीं, बिल्कुल नहीं, कभी नहीं, कुछ नहीं, और कुछ नहीं, बस, \
         बस इतना ही, शायद, पता नहीं, मुझे नहीं पता, मुझे पता नहीं, मैं भी, कौन है, कौन, कौन बोल रहा है, \
         कौन बोल रहे हैं, आप कौन हैं, आप कौन, वह कौन है, यह क्या है, क्या मतलब, क्यों नहीं, \
         कितने बजे हैं, क्या आप वहाँ हैं, आप वहाँ हैं, कोई है, क्या कोई है, आप सुन रहे हैं, \
         क्या आप मुझे सुन सकते हैं, मेरी आवाज़ आ रही है, मेरी आवाज आ रही है",
    ),
    (
        "ar",
        "مرحبا, مرحبًا, أهلا, اهلا, أهلًا, أهلا وسهلا, اهلا وسهلا, السلام عليكم, وعليكم السلام, \
         صباح الخير, صباح النور, مساء الخير, مساء النور, ألو, الو, هاي, كيف حالك, كيف الحال, أنا بخير, \
         انا بخير, بخير, تشرفنا, مع السلامة, إلى اللقاء, الى اللقاء, وداعا, تصبح على خير, شكرا, شكرًا, \
         شكرا لك, شكرا جزيلا, شكرًا جزيلًا, لا شكرا, لا شكرًا, نعم شكرا, نعم من فضلك, عفوا, عفوًا, نعم, \
         أجل, اجل, أيوه, ايوه, أيوة, حسنا, حسنًا, طيب, تمام, صحيح, هذا صحيح, بالضبط, بالتأكيد, طبعا, \
         طبعًا, أكيد, اكيد, موافق, ممتاز, جيد, أوكي, اوكي, فهمت, مفهوم, لا, كلا, ليس بعد, أبدا, ابدا, \
         لا شيء, لا شيء آخر, هذا كل شيء, ربما, لا أعرف, لا اعرف, لا أعلم, لا أدري, لا أفهم, وأنا أيضا, \
         من هذا, من هناك, من أنت, من انت, من معي, من المتحدث, ما هذا, ماذا تقصد, لم لا, لماذا لا, \
         كم الساعة, هل أنت هناك, هل انت هناك, هل أنت معي, هل من أحد, هل يوجد أحد, هل تسمعني, هل تسمعينني, \
         أتسمعني, تسمعني",
    ),
];
