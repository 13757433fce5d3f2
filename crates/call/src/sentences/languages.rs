//! What a full stop means in each language: abbreviations, ordinals, and words that begin a sentence.
//! There are lists for the languages with built-in phrases, and for Russian. An agent's language chooses one; if it
//! is unknown all lists are consulted, and an entry that is a word in another language does not count.

/// How one language writes. Words in lists are separated by spaces, in lower case, without their last full stop;
/// "z.b" also matches "z. B.".
#[derive(Debug)]
pub(super) struct Language {
    tag: &'static str,
    /// "3." may be "third".
    has_ordinals: bool,
    /// Abbreviations that never end a sentence.
    never_last: &'static str,
    /// Abbreviations that end no sentence before a number.
    before_number: &'static str,
    /// Abbreviations that end a sentence only before a clear beginning of one.
    maybe_last: &'static str,
    /// Words that begin a sentence more often than they follow an abbreviation or an ordinal.
    starters: &'static str,
    /// Words before which a speaker may pause in mid-sentence. Not "in", "to", "up" and the like, which too often
    /// belong to the verb before them.
    pauses: &'static str,
}

/// The rules for an agent's language.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Writing {
    Known(&'static Language),
    /// A language without lists here.
    Foreign,
    #[default]
    Unknown,
}

impl Writing {
    /// The rules for this language (BCP 47).
    pub(super) fn of(language: Option<&str>) -> Self {
        let Some(tag) = language.map(sidetone_config::language::primary) else {
            return Self::Unknown;
        };
        let known = LANGUAGES.iter().find(|language| language.tag == tag);
        known.map_or(Self::Foreign, Self::Known)
    }

    fn languages(self) -> &'static [Language] {
        match self {
            Self::Known(language) => std::slice::from_ref(language),
            Self::Foreign => &[],
            Self::Unknown => &LANGUAGES,
        }
    }

    /// Whether a number's full stop may make it an ordinal.
    pub(super) fn has_ordinals(self) -> bool {
        match self {
            Self::Known(language) => language.has_ordinals,
            Self::Foreign | Self::Unknown => true,
        }
    }

    /// Whether this is the English pronoun "I", and not an initial.
    pub(super) fn is_pronoun(self, word: &str) -> bool {
        let is_english = |language: &Language| language.tag == "en";
        word == "I" && self.languages().iter().any(is_english)
    }

    pub(super) fn is_never_last(self, word: &str) -> bool {
        let is_sure = |language: &Language| {
            // If the language is unknown, a short abbreviation may be another language's word.
            let is_other = word.chars().count() < 3 && !word.contains('.');
            matches!(self, Self::Known(_)) || language.tag == "en" || !is_other
        };
        let listed = |language: &&Language| lists(language.never_last, word);
        lists(TITLES, word) || self.languages().iter().filter(listed).any(is_sure)
    }

    pub(super) fn is_before_number(self, word: &str) -> bool {
        let mut languages = self.languages().iter();
        languages.any(|language| lists(language.before_number, word))
    }

    pub(super) fn is_maybe_last(self, word: &str) -> bool {
        let mut languages = self.languages().iter();
        languages
            .any(|language| lists(language.maybe_last, word) || lists(language.never_last, word))
    }

    pub(super) fn begins_sentences(self, word: &str) -> bool {
        let mut languages = self.languages().iter();
        languages.any(|language| lists(language.starters, word))
    }

    pub(super) fn pauses_before(self, word: &str) -> bool {
        let english = &LANGUAGES[0];
        match self {
            Self::Known(language) => lists(language.pauses, word),
            Self::Foreign => false,
            Self::Unknown => lists(english.pauses, word),
        }
    }
}

fn lists(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|listed| listed == word)
}

/// Titles that many languages share.
const TITLES: &str = "dr prof डॉ श्री";

const LANGUAGES: [Language; 9] = [
    Language {
        tag: "en",
        has_ordinals: false,
        never_last: "\
            dr mr mrs ms mx prof rev hon gen col capt lt sgt gov sen rep pres vs e.g i.e cf viz \
            approx mt ft messrs mme mlle z.b d.h bzw ca",
        before_number: "\
            no nos nr fig figs p pp vol ch chap sec sect art eq ext apt rm ver ed tel jan feb mar \
            apr jun jul aug sep sept oct nov dec",
        maybe_last: "\
            st jr sr inc ltd co corp llc etc al ave blvd rd sq dept est min max hr hrs jan feb mar \
            apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri sat sun ph.d b.sc \
            m.sc b.a m.a",
        starters: "\
            a an and are as at but by can could did do does for have he here how however i if in is \
            it its let may my no not now of on once or our please she should so that the their then \
            there these they this those to was we what when where which while who why will with \
            would yes you your i'm i'll i've it's that's there's we're we'll you're you'll they're \
            don't let's",
        pauses: "\
            and but or because so if when while which who where from for with by until between \
            before after on at during about unless then",
    },
    Language {
        tag: "de",
        has_ordinals: true,
        never_last: "\
            dr prof hr fr frl ing dipl dipl.-ing z.b d.h bzw ca inkl exkl zzgl ggf ggfs evtl vgl \
            sog bspw insb i.d.r z.t z.zt z.hd u.u s.o s.u o.g a.d v.a i.a m.e geb allg st jun sen",
        before_number: "\
            nr s abs art kap bd tel str ziff abb tab anm jan feb mär mrz apr jun jul aug sep sept \
            okt nov dez mo di mi do fr sa hausnr haus-nr tel.-nr konto-nr kto.-nr art.-nr \
            best.-nr kd.-nr max min mind ca v",
        maybe_last: "\
            usw etc u.a o.ä u.ä o.dgl dgl u.v.m uvm str jan feb mär mrz apr jun jul aug sep sept \
            okt nov dez max min mind n.chr v.chr e.v",
        starters: "\
            ich du er sie es wir ihr man das dies diese dieser dieses der die den dem ein eine \
            einen bitte möchten möchtest haben hat hast ist sind kann können könnten soll sollen \
            darf dürfen wollen will wird werden gibt geben dann danach dort da hier und aber oder \
            wenn wann was wer wie wo warum welche welcher welches ja nein nicht also heute morgen \
            für in im am um ab an mit bei auf aus nach zu zum zur leider gerne vielen danke \
            außerdem allerdings alle mein meine unser unsere ihre ihren sonst jetzt damit dazu",
        pauses: "und oder aber sondern weil wenn dass damit obwohl bevor nachdem falls sobald",
    },
    Language {
        tag: "es",
        has_ordinals: false,
        never_last: "\
            sr sra srta sres sras dr dra d dña ud uds vd vds prof profa ing lic arq gral p.ej ee av \
            avda pza aprox sto sta excmo excma",
        before_number: "\
            n núm num nº pág págs art cap tel tfno tlf ext apdo vol fig ed c ene feb mar abr may \
            jun jul ago sep sept oct nov dic",
        maybe_last: "etc ee.uu a.m p.m cía ltda s.a s.l a.c d.c hnos dpto máx mín",
        starters: "\
            el la los las un una lo le les se es son está están hay no sí si yo tú usted ustedes \
            nosotros él ella ellos me te nos mi su sus este esta esto ese esa eso estos estas y o \
            pero por para porque cuando como cómo qué que quién dónde cuándo cuál cuánto en de del \
            al a con sin hoy mañana ahora entonces también además puede pueden podemos tenemos \
            tiene gracias después luego aquí ahí",
        pauses: "y o pero porque cuando para con desde hasta aunque si mientras",
    },
    Language {
        tag: "fr",
        has_ordinals: false,
        never_last: "\
            m mm mme mmes mlle mlles mgr dr pr prof av p.ex env cf c.-à-d vs bd boul tél réf st ste",
        before_number: "\
            n nº no nos p pp art chap vol fig tél tel poste janv févr avr juil sept oct nov déc",
        maybe_last: "etc j.-c s.a s.a.r.l cie ets ltée janv févr avr juil sept oct nov déc max min",
        starters: "\
            le la les un une des il elle ils elles on je tu nous vous ce cet cette ces c'est ça \
            cela et ou mais donc or car si quand comment où pourquoi qui que quel quelle quels \
            quelles de du en dans à au aux avec pour par sans sur mon ma mes votre vos notre nos \
            son sa ses leur oui non ne merci aujourd'hui demain maintenant ensuite puis alors \
            est-ce y voici voilà bien avez pouvez",
        pauses: "et ou mais parce quand pour avec pendant depuis car puisque lorsque",
    },
    Language {
        tag: "it",
        has_ordinals: false,
        never_last: "\
            sig sigg sig.ra sig.na dott dott.ssa dr dr.ssa prof prof.ssa ing avv geom mons spett \
            egr p.es es c.so p.za v.le cfr ca vs",
        before_number: "\
            n nr num nº pag pagg p pp art artt cap fig vol tel int sc gen feb mar apr mag giu lug \
            ago set sett ott nov dic",
        maybe_last: "ecc etc s.p.a s.r.l a.c d.c min max",
        starters: "\
            il lo la i gli le un uno una è sono c'è ci si non sì no io tu lui lei noi voi loro mi \
            ti vi questo questa questi queste quello quella e o ma però perché quando come cosa che \
            chi dove quale quanto in di del della da dal a al alla con per su senza oggi domani \
            adesso ora poi quindi allora anche grazie può possiamo abbiamo ha ho vuole prego",
        pauses: "e o ma perché quando per con mentre se finché anche",
    },
    Language {
        tag: "nl",
        has_ordinals: false,
        never_last: "\
            dhr mevr mw dr drs ir ing mr prof ds bijv bv d.w.z o.a m.b.t t.a.v m.a.w i.p.v i.v.m \
            n.a.v incl excl evt resp ca vgl z.s.m m.n",
        before_number: "\
            nr nrs blz p pag art tel afb fig hfst lid jan feb mrt apr jun jul aug sep sept okt nov \
            dec toestel",
        maybe_last: "enz etc e.d e.a a.u.b s.v.p n.v b.v min max v.chr n.chr",
        starters: "\
            de het een dit dat deze die ik je jij u hij zij ze wij we jullie er is zijn was heeft \
            hebben kan kunnen kunt wilt wil zal zullen mag moet en maar of want dus als wanneer wat \
            wie waar hoe waarom welke in op om aan bij met van voor na naar tot uit zonder ja nee \
            niet geen dan daarna nu vandaag morgen bedankt hier daar mijn uw onze graag",
        pauses: "en of maar omdat want als wanneer zodat voordat nadat terwijl",
    },
    Language {
        tag: "pl",
        has_ordinals: true,
        never_last: "\
            np ul al pl os m.in tzn tj tzw dr prof inż mgr hab gen płk ks woj pow wg ww zob lek adw \
            abp sz.p p.o tel",
        before_number: "\
            nr ok s str art ust pkt poz rozdz wew kom m lok godz r w t rys tab",
        maybe_last: "itp itd etc r w tys mln mld godz min sek s.a o.o im n.e p.n.e św wlk",
        starters: "\
            to ten ta te ja ty on ona ono my wy oni one pan pani państwo jest są nie tak czy co kto \
            gdzie kiedy jak dlaczego jaki jaka jakie który która które i a ale lub albo bo więc \
            jeśli jeżeli gdy w we na do z ze od po za przy dla o u proszę dziękuję dziś dzisiaj \
            jutro teraz potem wtedy można mogę możemy mamy mam tutaj tam także również",
        pauses: "i oraz ale lub albo ponieważ gdy kiedy żeby aby jeśli jeżeli",
    },
    Language {
        tag: "pt",
        has_ordinals: false,
        never_last: "\
            sr sra srs sras srta dr dra drs dras prof profa eng exmo exma ilmo ilma p.ex aprox trav \
            pça",
        before_number: "\
            n nº núm num p pág págs art cap tel telef ext ramal vol fig ed av r jan fev mar abr mai \
            jun jul ago set out nov dez apto apt sl bl",
        maybe_last: "etc ltda cia s.a a.m p.m a.c d.c máx mín min hab av r",
        starters: "\
            o a os as um uma é são está estão há não sim eu tu você vocês nós ele ela eles elas me \
            te nos meu minha seu sua este esta isto isso esse essa esses e ou mas por para porque \
            quando como que quem onde qual quanto em no na nos nas de do da dos das ao à com sem \
            hoje amanhã agora então também além pode podem podemos temos tem obrigado obrigada \
            depois aqui ali",
        pauses: "e ou mas porque quando para com desde até embora se enquanto",
    },
    Language {
        tag: "ru",
        has_ordinals: false,
        never_last: "г ул д кв корп стр им проф др т.е т.к т.н напр см пр просп пер г-н г-жа",
        before_number: "№ стр гл рис табл тел п пп ст доб янв февр апр авг сент окт нояб дек",
        maybe_last: "т.д т.п руб коп тыс млн млрд гг вв н.э др г мин сек",
        starters: "\
            я ты он она оно мы вы они это этот эта эти тот та те и а но или да нет не если когда \
            где как что кто почему какой какая какие сколько в во на с со к ко у о об от до из за \
            по для при без вам вас ваш наш мой сегодня завтра сейчас потом тогда пожалуйста спасибо \
            есть можно могу можем также там здесь",
        pauses: "и или но потому если когда чтобы хотя",
    },
];
