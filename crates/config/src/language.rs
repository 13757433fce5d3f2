//! Language tags: BCP 47, restricted to known languages. PURE.

use super::section::nearest;

/// The language of a tag, without script and region: "pt" for "pt-BR".
pub fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

/// Looks a tag up in a table: by its language, and for Chinese by its script.
pub fn find<'t, T>(table: &'t [(&str, T)], tag: &str) -> Option<&'t T> {
    let is = |wanted: &str| tag.split('-').any(|part| part.eq_ignore_ascii_case(wanted));
    let traditional = !is("Hans") && ["Hant", "TW", "HK", "MO"].into_iter().any(is);
    let language = primary(tag).to_lowercase();
    let by_script = (language == "zh" && traditional).then_some("zh-Hant");
    let of = |key: &str| table.iter().find(|(known, _)| *known == key);
    let found = by_script.and_then(of).or_else(|| of(&language));
    found.map(|(_, value)| value)
}

/// Normalises a tag to BCP 47: "de_at" becomes "de-AT".
///
/// # Errors
/// What is wrong with it and what to write instead.
pub fn parse(text: &str) -> Result<String, String> {
    let text = text.trim();
    let tag = text.replace('_', "-");
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default().to_lowercase();
    if !is_known(&language) {
        return Err(match meant(&language) {
            Some(meant) => format!("is not a language tag; did you mean \"{meant}\"?"),
            None => {
                "is not a known language; write its tag (BCP 47), such as \"en\", \"de-AT\" or \
                     \"zh-Hans\", or leave it out: then STT detects it"
                    .to_owned()
            }
        });
    }
    let mut written = language.clone();
    for part in parts {
        let is_subtag =
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_subtag {
            return Err(format!(
                "is not a language tag: {part:?} is neither script nor region; write \"{language}\", \
                 or with a region as in \"pt-BR\""
            ));
        }
        written.push('-');
        written += &match part.len() {
            2 => part.to_uppercase(),
            4 if part.bytes().all(|b| b.is_ascii_alphabetic()) => {
                part[..1].to_uppercase() + &part[1..].to_lowercase()
            }
            _ => part.to_lowercase(),
        };
    }
    Ok(written)
}

fn is_known(language: &str) -> bool {
    let listed = |list: &str| list.split(' ').any(|code| code == language);
    listed(ISO_639_1) || listed(MORE)
}

/// The tag of a language from its name, or from a similar name.
fn meant(name: &str) -> Option<&'static str> {
    // Accepts "german-at" and "de.UTF-8".
    let name = name.split('.').next().unwrap_or(name);
    if is_known(name) {
        let mut codes = ISO_639_1.split(' ').chain(MORE.split(' '));
        return codes.find(|code| *code == name);
    }
    let names = NAMES.iter().map(|(known, _)| *known);
    let exact = NAMES.iter().find(|(known, _)| *known == name);
    // Three-letter codes are similar to too many others.
    let likely = (name.chars().count() > 3)
        .then(|| nearest(name, names.filter(|known| known.chars().count() > 3)))
        .flatten();
    let near = NAMES.iter().find(|(known, _)| Some(*known) == likely);
    exact.or(near).map(|(_, tag)| *tag)
}

/// The name of a language in speech to text: Whisper has its own codes for some.
pub fn heard_as(tag: &str) -> &str {
    match primary(tag) {
        "nb" => "no",
        "fil" => "tl",
        "jv" => "jw",
        language => language,
    }
}

/// All two-letter codes.
const ISO_639_1: &str = "\
    aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de \
    dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia \
    id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo \
    lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl \
    ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk \
    tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";
/// Three-letter codes of languages without a shorter one that models know, and Whisper's code for Javanese.
const MORE: &str = "yue fil haw ceb jw";

/// English names as in Whisper (openai/whisper's tokenizer.py), native names of the languages with built-in sentences,
/// and three-letter codes of these.
const NAMES: [(&str, &str); 170] = [
    ("english", "en"),
    ("chinese", "zh"),
    ("german", "de"),
    ("spanish", "es"),
    ("russian", "ru"),
    ("korean", "ko"),
    ("french", "fr"),
    ("japanese", "ja"),
    ("portuguese", "pt"),
    ("turkish", "tr"),
    ("polish", "pl"),
    ("catalan", "ca"),
    ("dutch", "nl"),
    ("arabic", "ar"),
    ("swedish", "sv"),
    ("italian", "it"),
    ("indonesian", "id"),
    ("hindi", "hi"),
    ("finnish", "fi"),
    ("vietnamese", "vi"),
    ("hebrew", "he"),
    ("ukrainian", "uk"),
    ("greek", "el"),
    ("malay", "ms"),
    ("czech", "cs"),
    ("romanian", "ro"),
    ("danish", "da"),
    ("hungarian", "hu"),
    ("tamil", "ta"),
    ("norwegian", "no"),
    ("thai", "th"),
    ("urdu", "ur"),
    ("croatian", "hr"),
    ("bulgarian", "bg"),
    ("lithuanian", "lt"),
    ("latin", "la"),
    ("maori", "mi"),
    ("malayalam", "ml"),
    ("welsh", "cy"),
    ("slovak", "sk"),
    ("telugu", "te"),
    ("persian", "fa"),
    ("latvian", "lv"),
    ("bengali", "bn"),
    ("serbian", "sr"),
    ("azerbaijani", "az"),
    ("slovenian", "sl"),
    ("kannada", "kn"),
    ("estonian", "et"),
    ("macedonian", "mk"),
    ("breton", "br"),
    ("basque", "eu"),
    ("icelandic", "is"),
    ("armenian", "hy"),
    ("nepali", "ne"),
    ("mongolian", "mn"),
    ("bosnian", "bs"),
    ("kazakh", "kk"),
    ("albanian", "sq"),
    ("swahili", "sw"),
    ("galician", "gl"),
    ("marathi", "mr"),
    ("punjabi", "pa"),
    ("sinhala", "si"),
    ("khmer", "km"),
    ("shona", "sn"),
    ("yoruba", "yo"),
    ("somali", "so"),
    ("afrikaans", "af"),
    ("occitan", "oc"),
    ("georgian", "ka"),
    ("belarusian", "be"),
    ("tajik", "tg"),
    ("sindhi", "sd"),
    ("gujarati", "gu"),
    ("amharic", "am"),
    ("yiddish", "yi"),
    ("lao", "lo"),
    ("uzbek", "uz"),
    ("faroese", "fo"),
    ("haitian creole", "ht"),
    ("pashto", "ps"),
    ("turkmen", "tk"),
    ("nynorsk", "nn"),
    ("maltese", "mt"),
    ("sanskrit", "sa"),
    ("luxembourgish", "lb"),
    ("myanmar", "my"),
    ("tibetan", "bo"),
    ("tagalog", "tl"),
    ("malagasy", "mg"),
    ("assamese", "as"),
    ("tatar", "tt"),
    ("hawaiian", "haw"),
    ("lingala", "ln"),
    ("hausa", "ha"),
    ("bashkir", "ba"),
    ("javanese", "jv"),
    ("sundanese", "su"),
    ("cantonese", "yue"),
    ("burmese", "my"),
    ("valencian", "ca"),
    ("flemish", "nl"),
    ("haitian", "ht"),
    ("letzeburgesch", "lb"),
    ("pushto", "ps"),
    ("panjabi", "pa"),
    ("moldavian", "ro"),
    ("moldovan", "ro"),
    ("sinhalese", "si"),
    ("castilian", "es"),
    ("mandarin", "zh"),
    ("filipino", "fil"),
    ("farsi", "fa"),
    ("bokmal", "nb"),
    ("bokmål", "nb"),
    ("irish", "ga"),
    ("zulu", "zu"),
    ("igbo", "ig"),
    ("brazilian", "pt-BR"),
    ("american", "en-US"),
    ("british", "en-GB"),
    ("austrian", "de-AT"),
    ("mexican", "es-MX"),
    ("deutsch", "de"),
    ("français", "fr"),
    ("francais", "fr"),
    ("español", "es"),
    ("espanol", "es"),
    ("italiano", "it"),
    ("português", "pt"),
    ("portugues", "pt"),
    ("nederlands", "nl"),
    ("polski", "pl"),
    ("русский", "ru"),
    ("中文", "zh"),
    ("日本語", "ja"),
    ("한국어", "ko"),
    ("हिन्दी", "hi"),
    ("العربية", "ar"),
    ("eng", "en"),
    ("deu", "de"),
    ("ger", "de"),
    ("fra", "fr"),
    ("fre", "fr"),
    ("spa", "es"),
    ("ita", "it"),
    ("por", "pt"),
    ("nld", "nl"),
    ("dut", "nl"),
    ("pol", "pl"),
    ("rus", "ru"),
    ("zho", "zh"),
    ("chi", "zh"),
    ("cmn", "zh"),
    ("jpn", "ja"),
    ("kor", "ko"),
    ("hin", "hi"),
    ("ara", "ar"),
    ("swe", "sv"),
    ("dan", "da"),
    ("nor", "no"),
    ("tur", "tr"),
    ("ukr", "uk"),
    ("jp", "ja"),
    ("cn", "zh"),
    ("gr", "el"),
    ("cz", "cs"),
    ("dk", "da"),
    ("iw", "he"),
];

#[cfg(test)]
mod tests;
