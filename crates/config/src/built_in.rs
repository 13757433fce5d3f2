//! What agents say if their files say nothing else, in the agent's language: polite, addressed to a stranger, and
//! gender-neutral. PURE.

use super::language;

/// The sentences of one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// When the caller joins.
    pub greeting: &'static str,
    /// When a stage has failed.
    pub apology: &'static str,
    /// Said first, by an agent that takes over the call of one that was lost.
    pub cut_off: &'static str,
    /// While tools work.
    pub filler: &'static str,
    /// While the model has not begun to reply.
    pub thinking: &'static str,
    /// After a long silence.
    pub still_there: &'static str,
    /// Before the agent hangs up.
    pub goodbye: &'static str,
    /// When nobody takes a call that is to be transferred.
    pub transfer_failed: &'static str,
    /// To a caller who waits for somebody that is called, again and again.
    pub transfer_hold: &'static str,
    /// To the person who was called and briefed: key 1 takes the call, key 2 declines it.
    pub transfer_question: &'static str,
    /// In a room whose sound is encrypted for its participants; then the agent hangs up.
    pub encrypted: &'static str,
    /// In a room that is not encrypted, from an agent whose calls are; the agent then hangs up.
    pub not_encrypted: &'static str,
    /// When a call has used up its limits; the agent then hangs up.
    pub limit: &'static str,
    /// When the requested agent does not exist and no other is to take its place; the agent then hangs up.
    pub no_agent: &'static str,
}

/// The sentences of this language (BCP 47); the English ones if the language is not set or has none.
pub fn of(language: Option<&str>) -> BuiltIn {
    let found = language.and_then(|tag| language::find(&LANGUAGES, tag));
    *found.unwrap_or(&ENGLISH)
}

const ENGLISH: BuiltIn = BuiltIn {
    greeting: "Hello! How can I help you today?",
    apology: "I'm sorry, something went wrong on my side. Could you say that again?",
    cut_off: "Sorry, we were cut off for a moment.",
    filler: "One moment, please.",
    thinking: "Let me see.",
    still_there: "Are you still there?",
    goodbye: "I will hang up now. Goodbye!",
    transfer_failed: "I'm sorry, nobody can take the call right now.",
    transfer_hold: "Please stay on the line. I am still calling.",
    transfer_question: "A caller is waiting to talk with you. Press 1 to take the call, or 2 to decline it.",
    encrypted: "I'm sorry, I can't take part in an encrypted call. Goodbye.",
    not_encrypted: "I'm sorry, I can only take part in encrypted calls. Goodbye.",
    limit: "I'm sorry, this call has reached its limit. Goodbye!",
    no_agent: "I'm sorry, this call can't be taken right now. Goodbye!",
};

const LANGUAGES: [(&str, BuiltIn); 14] = [
    (
        "de",
        BuiltIn {
            greeting: "Guten Tag! Wie kann ich Ihnen helfen?",
            apology: "Entschuldigung, bei mir ist etwas schiefgegangen. Könnten Sie das bitte wiederholen?",
            cut_off: "Entschuldigung, die Verbindung war kurz unterbrochen.",
            filler: "Einen Moment, bitte.",
            thinking: "Lassen Sie mich kurz nachsehen.",
            still_there: "Sind Sie noch da?",
            goodbye: "Ich lege jetzt auf. Auf Wiederhören!",
            transfer_failed: "Es tut mir leid, im Moment kann niemand das Gespräch annehmen.",
            transfer_hold: "Bitte bleiben Sie am Apparat, ich versuche es weiter.",
            transfer_question: "Jemand wartet darauf, mit Ihnen zu sprechen. Drücken Sie die 1, um das Gespräch anzunehmen, oder die 2, um es abzulehnen.",
            encrypted: "Dieser Raum ist Ende-zu-Ende-verschlüsselt, deshalb kann ich Sie nicht hören. Ich lege jetzt auf. Auf Wiederhören!",
            not_encrypted: "Dieser Anruf ist nicht Ende-zu-Ende-verschlüsselt, deshalb kann ich nicht daran teilnehmen. Auf Wiederhören!",
            limit: "Dieses Gespräch hat die vorgesehene Grenze erreicht. Ich lege jetzt auf. Auf Wiederhören!",
            no_agent: "Dieser Anruf kann leider nicht angenommen werden. Ich lege jetzt auf. Auf Wiederhören!",
        },
    ),
    (
        "fr",
        BuiltIn {
            greeting: "Bonjour ! Comment puis-je vous aider ?",
            apology: "Veuillez m'excuser, un problème est survenu de mon côté. Pourriez-vous répéter, s'il vous plaît ?",
            cut_off: "Excusez-moi, la communication a été coupée un instant.",
            filler: "Un instant, s'il vous plaît.",
            thinking: "Laissez-moi regarder.",
            still_there: "Êtes-vous toujours là ?",
            goodbye: "Je vais raccrocher. Au revoir !",
            transfer_failed: "Veuillez m'excuser, personne ne peut prendre votre appel pour le moment.",
            transfer_hold: "Merci de rester en ligne, l'appel est en cours.",
            transfer_question: "Une personne attend de vous parler. Appuyez sur 1 pour prendre l'appel, ou sur 2 pour le refuser.",
            encrypted: "Cette salle est chiffrée de bout en bout, je ne peux donc pas vous entendre. Je vais raccrocher. Au revoir !",
            not_encrypted: "Cet appel n'est pas chiffré de bout en bout, je ne peux donc pas y participer. Au revoir !",
            limit: "Cet appel a atteint la limite prévue. Je vais raccrocher. Au revoir !",
            no_agent: "Cet appel ne peut malheureusement pas être pris en charge. Je vais raccrocher. Au revoir !",
        },
    ),
    (
        "es",
        BuiltIn {
            greeting: "¡Hola! ¿En qué puedo ayudarle?",
            apology: "Lo siento, ha ocurrido un problema por mi parte. ¿Podría repetirlo, por favor?",
            cut_off: "Disculpe, se ha cortado la comunicación un momento.",
            filler: "Un momento, por favor.",
            thinking: "Déjeme ver.",
            still_there: "¿Sigue usted ahí?",
            goodbye: "Voy a finalizar la llamada. ¡Hasta luego!",
            transfer_failed: "Lo siento, en este momento nadie puede atender la llamada.",
            transfer_hold: "Permanezca en línea, por favor. Sigo llamando.",
            transfer_question: "Hay una persona que espera hablar con usted. Pulse 1 para atender la llamada o 2 para rechazarla.",
            encrypted: "Esta sala está cifrada de extremo a extremo, por lo que no puedo oírle. Voy a finalizar la llamada. ¡Hasta luego!",
            not_encrypted: "Esta llamada no está cifrada de extremo a extremo, por lo que no puedo participar. ¡Hasta luego!",
            limit: "Esta llamada ha alcanzado el límite previsto. Voy a finalizar la llamada. ¡Hasta luego!",
            no_agent: "Lamentablemente, esta llamada no se puede atender. Voy a finalizar la llamada. ¡Hasta luego!",
        },
    ),
    (
        "it",
        BuiltIn {
            greeting: "Buongiorno! Come posso aiutarla?",
            apology: "Mi scusi, c'è stato un problema da parte mia. Potrebbe ripetere, per favore?",
            cut_off: "Mi scusi, la comunicazione si è interrotta per un momento.",
            filler: "Un momento, per favore.",
            thinking: "Mi faccia vedere.",
            still_there: "È ancora in linea?",
            goodbye: "Ora chiudo la chiamata. Arrivederci!",
            transfer_failed: "Mi dispiace, al momento nessuno può rispondere alla chiamata.",
            transfer_hold: "Resti in linea, per favore. Sto ancora chiamando.",
            transfer_question: "Una persona attende di parlare con Lei. Prema 1 per accettare la chiamata, oppure 2 per rifiutarla.",
            encrypted: "Questa stanza è cifrata end-to-end, quindi non posso sentirla. Ora chiudo la chiamata. Arrivederci!",
            not_encrypted: "Questa chiamata non è cifrata end-to-end, quindi non posso parteciparvi. Arrivederci!",
            limit: "Questa chiamata ha raggiunto il limite previsto. Ora chiudo la chiamata. Arrivederci!",
            no_agent: "Purtroppo non è possibile rispondere a questa chiamata. Ora chiudo la chiamata. Arrivederci!",
        },
    ),
    (
        "pt",
        BuiltIn {
            greeting: "Olá! Como posso ajudar?",
            apology: "Desculpe, ocorreu um problema do meu lado. Pode repetir, por favor?",
            cut_off: "Desculpe, a ligação foi interrompida por um momento.",
            filler: "Um momento, por favor.",
            thinking: "Deixe-me ver.",
            still_there: "Ainda está aí?",
            goodbye: "Vou desligar agora. Até logo!",
            transfer_failed: "Lamento, neste momento ninguém pode atender a chamada.",
            transfer_hold: "Por favor, aguarde na linha. Ainda estou a ligar.",
            transfer_question: "Há uma pessoa à espera de falar consigo. Prima 1 para atender a chamada ou 2 para a recusar.",
            encrypted: "Esta sala é cifrada de ponta a ponta, por isso não consigo ouvir a sua voz. Vou desligar agora. Até logo!",
            not_encrypted: "Esta chamada não é cifrada de ponta a ponta, por isso não posso participar. Até logo!",
            limit: "Esta chamada atingiu o limite previsto. Vou desligar agora. Até logo!",
            no_agent: "Infelizmente, esta chamada não pode ser atendida. Vou desligar agora. Até logo!",
        },
    ),
    (
        "nl",
        BuiltIn {
            greeting: "Goedendag! Waarmee kan ik u helpen?",
            apology: "Excuses, er ging iets mis aan mijn kant. Kunt u dat nog eens zeggen?",
            cut_off: "Excuses, de verbinding was even weg.",
            filler: "Een ogenblik, alstublieft.",
            thinking: "Even kijken.",
            still_there: "Bent u er nog?",
            goodbye: "Ik beëindig nu het gesprek. Tot ziens!",
            transfer_failed: "Het spijt me, op dit moment kan niemand het gesprek aannemen.",
            transfer_hold: "Blijft u alstublieft aan de lijn, ik probeer het nog.",
            transfer_question: "Er wacht iemand om met u te spreken. Toets 1 om het gesprek aan te nemen, of 2 om het te weigeren.",
            encrypted: "Deze ruimte is end-to-end versleuteld, daarom kan ik u niet horen. Ik beëindig nu het gesprek. Tot ziens!",
            not_encrypted: "Dit gesprek is niet end-to-end versleuteld, daarom kan ik er niet aan deelnemen. Tot ziens!",
            limit: "Dit gesprek heeft de toegestane limiet bereikt. Ik beëindig nu het gesprek. Tot ziens!",
            no_agent: "Dit gesprek kan helaas niet worden aangenomen. Ik beëindig nu het gesprek. Tot ziens!",
        },
    ),
    (
        "pl",
        BuiltIn {
            greeting: "Dzień dobry! W czym mogę pomóc?",
            apology: "Przepraszam, coś poszło nie tak po mojej stronie. Czy mogę prosić o powtórzenie?",
            cut_off: "Przepraszam, połączenie zostało na chwilę przerwane.",
            filler: "Proszę chwilę zaczekać.",
            thinking: "Już sprawdzam.",
            still_there: "Czy są Państwo nadal na linii?",
            goodbye: "Zakończę teraz rozmowę. Do usłyszenia!",
            transfer_failed: "Przepraszam, w tej chwili nikt nie może odebrać połączenia.",
            transfer_hold: "Proszę pozostać na linii, łączenie trwa.",
            transfer_question: "Ktoś czeka na rozmowę. Proszę nacisnąć 1, aby odebrać połączenie, albo 2, aby je odrzucić.",
            encrypted: "Ten pokój jest w pełni szyfrowany, dlatego nie mogę Państwa usłyszeć. Zakończę teraz rozmowę. Do usłyszenia!",
            not_encrypted: "Ta rozmowa nie jest w pełni szyfrowana, dlatego nie mogę w niej uczestniczyć. Do usłyszenia!",
            limit: "Ta rozmowa osiągnęła przewidziany limit. Zakończę teraz rozmowę. Do usłyszenia!",
            no_agent: "Niestety to połączenie nie może zostać odebrane. Zakończę teraz rozmowę. Do usłyszenia!",
        },
    ),
    (
        "ru",
        BuiltIn {
            greeting: "Здравствуйте! Чем я могу вам помочь?",
            apology: "Извините, у меня произошла ошибка. Повторите, пожалуйста.",
            cut_off: "Извините, связь ненадолго прервалась.",
            filler: "Одну минуту, пожалуйста.",
            thinking: "Сейчас посмотрю.",
            still_there: "Вы ещё на линии?",
            goodbye: "Я завершаю звонок. До свидания!",
            transfer_failed: "Извините, сейчас никто не может ответить на звонок.",
            transfer_hold: "Пожалуйста, оставайтесь на линии, соединение продолжается.",
            transfer_question: "Вас ожидает собеседник. Нажмите 1, чтобы принять звонок, или 2, чтобы отклонить его.",
            encrypted: "Эта комната защищена сквозным шифрованием, поэтому я вас не слышу. Я завершаю звонок. До свидания!",
            not_encrypted: "Этот звонок не защищён сквозным шифрованием, поэтому я не могу в нём участвовать. До свидания!",
            limit: "Достигнут предел, установленный для этого разговора. Я завершаю звонок. До свидания!",
            no_agent: "К сожалению, этот звонок не может быть принят. Я завершаю звонок. До свидания!",
        },
    ),
    (
        "zh",
        BuiltIn {
            greeting: "您好！请问有什么可以帮您？",
            apology: "抱歉，我这边出了点问题。请您再说一遍，好吗？",
            cut_off: "抱歉，刚才通话中断了一下。",
            filler: "请稍等。",
            thinking: "让我看一下。",
            still_there: "请问您还在吗？",
            goodbye: "我现在要挂断电话了，再见！",
            transfer_failed: "抱歉，现在没有人可以接听电话。",
            transfer_hold: "请不要挂机，正在为您转接。",
            transfer_question: "有一位来电者正在等待与您通话。接听请按1，拒绝请按2。",
            encrypted: "这个房间启用了端到端加密，我听不到您的声音。我现在要挂断电话了，再见！",
            not_encrypted: "这次通话没有端到端加密，我无法参加。再见！",
            limit: "本次通话已达到上限。我现在要挂断电话了，再见！",
            no_agent: "抱歉，目前无法接听您的来电。我现在要挂断电话了，再见！",
        },
    ),
    (
        "zh-Hant",
        BuiltIn {
            greeting: "您好！請問有什麼可以幫您？",
            apology: "抱歉，我這邊出了點問題。請您再說一遍，好嗎？",
            cut_off: "抱歉，剛才通話中斷了一下。",
            filler: "請稍等。",
            thinking: "讓我看一下。",
            still_there: "請問您還在嗎？",
            goodbye: "我現在要掛斷電話了，再見！",
            transfer_failed: "抱歉，現在沒有人可以接聽電話。",
            transfer_hold: "請不要掛斷，正在為您轉接。",
            transfer_question: "有一位來電者正在等候與您通話。接聽請按1，拒絕請按2。",
            encrypted: "這個房間啟用了端對端加密，我聽不到您的聲音。我現在要掛斷電話了，再見！",
            not_encrypted: "這次通話沒有端對端加密，我無法參加。再見！",
            limit: "本次通話已達到上限。我現在要掛斷電話了，再見！",
            no_agent: "抱歉，目前無法接聽您的來電。我現在要掛斷電話了，再見！",
        },
    ),
    (
        "ja",
        BuiltIn {
            greeting: "こんにちは。ご用件をお伺いいたします。",
            apology: "申し訳ございません。こちらで問題が発生しました。もう一度おっしゃっていただけますか。",
            cut_off: "申し訳ございません。一時的に通話が途切れました。",
            filler: "少々お待ちください。",
            thinking: "確認いたします。",
            still_there: "もしもし、まだいらっしゃいますか。",
            goodbye: "それでは、お電話を切らせていただきます。失礼いたします。",
            transfer_failed: "申し訳ございません。ただいま電話に出られる者がおりません。",
            transfer_hold: "そのままお待ちください。ただいまお呼び出ししております。",
            transfer_question: "お客様がお話しになるのをお待ちです。電話に出る場合は1を、出ない場合は2を押してください。",
            encrypted: "このルームはエンドツーエンドで暗号化されているため、お声を聞くことができません。お電話を切らせていただきます。失礼いたします。",
            not_encrypted: "この通話はエンドツーエンドで暗号化されていないため、参加することができません。失礼いたします。",
            limit: "この通話は上限に達しました。お電話を切らせていただきます。失礼いたします。",
            no_agent: "申し訳ございません。このお電話をお受けすることができません。お電話を切らせていただきます。失礼いたします。",
        },
    ),
    (
        "ko",
        BuiltIn {
            greeting: "안녕하세요! 무엇을 도와드릴까요?",
            apology: "죄송합니다. 제 쪽에 문제가 생겼습니다. 다시 한번 말씀해 주시겠어요?",
            cut_off: "죄송합니다. 통화가 잠시 끊겼습니다.",
            filler: "잠시만 기다려 주세요.",
            thinking: "확인해 보겠습니다.",
            still_there: "아직 계신가요?",
            goodbye: "이제 전화를 끊겠습니다. 안녕히 계세요!",
            transfer_failed: "죄송합니다. 지금은 전화를 받을 수 있는 사람이 없습니다.",
            transfer_hold: "끊지 말고 기다려 주세요. 연결하고 있습니다.",
            transfer_question: "통화를 기다리는 분이 계십니다. 전화를 받으시려면 1번을, 거절하시려면 2번을 눌러 주세요.",
            encrypted: "이 방은 종단 간 암호화되어 있어 말씀을 들을 수 없습니다. 이제 전화를 끊겠습니다. 안녕히 계세요!",
            not_encrypted: "이 통화는 종단 간 암호화되어 있지 않아 참여할 수 없습니다. 안녕히 계세요!",
            limit: "이 통화는 정해진 한도에 도달했습니다. 이제 전화를 끊겠습니다. 안녕히 계세요!",
            no_agent: "죄송합니다. 이 전화를 받을 수 없습니다. 이제 전화를 끊겠습니다. 안녕히 계세요!",
        },
    ),
    (
        "hi",
        BuiltIn {
            greeting: "नमस्ते! आपको किस तरह की मदद चाहिए?",
            apology: "क्षमा कीजिए, मेरी ओर से कुछ गड़बड़ हो गई। कृपया फिर से बताइए।",
            cut_off: "क्षमा कीजिए, कॉल एक क्षण के लिए कट गई थी।",
            filler: "कृपया एक क्षण रुकिए।",
            thinking: "एक मिनट, देखते हैं।",
            still_there: "क्या आप अभी भी लाइन पर हैं?",
            goodbye: "अब कॉल समाप्त की जा रही है। नमस्ते!",
            transfer_failed: "क्षमा कीजिए, इस समय कोई भी कॉल लेने के लिए उपलब्ध नहीं है।",
            transfer_hold: "कृपया लाइन पर बने रहिए, कॉल मिलाई जा रही है।",
            transfer_question: "एक व्यक्ति आपसे बात करने की प्रतीक्षा में है। कॉल लेने के लिए 1 दबाइए, या मना करने के लिए 2 दबाइए।",
            encrypted: "यह रूम एंड-टू-एंड एन्क्रिप्टेड है, इसलिए आपकी आवाज़ सुनाई नहीं दे रही है। अब कॉल समाप्त की जा रही है। नमस्ते!",
            not_encrypted: "यह कॉल एंड-टू-एंड एन्क्रिप्टेड नहीं है, इसलिए इसमें भाग नहीं लिया जा सकता। नमस्ते!",
            limit: "इस कॉल की तय सीमा पूरी हो गई है। अब कॉल समाप्त की जा रही है। नमस्ते!",
            no_agent: "क्षमा कीजिए, यह कॉल नहीं ली जा सकती। अब कॉल समाप्त की जा रही है। नमस्ते!",
        },
    ),
    (
        "ar",
        BuiltIn {
            greeting: "مرحبًا! كيف يمكنني مساعدتكم؟",
            apology: "عذرًا، حدث خطأ من جانبي. هل يمكن تكرار ذلك من فضلكم؟",
            cut_off: "عذرًا، انقطع الاتصال للحظة.",
            filler: "لحظة من فضلكم.",
            thinking: "دعوني أتحقق من ذلك.",
            still_there: "هل ما زلتم على الخط؟",
            goodbye: "سأنهي المكالمة الآن. مع السلامة!",
            transfer_failed: "عذرًا، لا يوجد من يمكنه الرد على المكالمة الآن.",
            transfer_hold: "يرجى البقاء على الخط، جارٍ الاتصال.",
            transfer_question: "هناك متصل ينتظر التحدث إليك. للرد على المكالمة اضغط 1، ولرفضها اضغط 2.",
            encrypted: "هذه الغرفة مشفّرة من طرف إلى طرف، لذلك لا أستطيع سماعكم. سأنهي المكالمة الآن. مع السلامة!",
            not_encrypted: "هذه المكالمة غير مشفّرة من طرف إلى طرف، لذلك لا يمكنني المشاركة فيها. مع السلامة!",
            limit: "بلغت هذه المكالمة الحد المسموح به. سأنهي المكالمة الآن. مع السلامة!",
            no_agent: "عذرًا، لا يمكن الرد على هذه المكالمة. سأنهي المكالمة الآن. مع السلامة!",
        },
    ),
];

#[cfg(test)]
mod tests;
