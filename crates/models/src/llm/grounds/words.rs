//! Words, their stems, and sentences, in English.

/// Words that do not tell what a sentence is about.
const EMPTY: &str = " a an the is are am was were be been being do does did done have has had having i me my mine we \
    us our you your yours he she it its they them their this that these those there here to of in on at for from by \
    with about into as and or but if so not no yes can could will would shall should may might must what which who \
    whom whose when where why how much many long often far old hello hi please thanks thank let get got go goes going \
    come comes need want like one any some something anything everything someone anyone all also just up out too very \
    then than now bring take takes give ring tell know say says ";

/// Words that say of a question what kind of answer it wants, or only that there is a business: by their stems.
const COMMON: &str = " find addres open clos hour shop stor company plac busines offic nam pric cost charg pay day tim \
    ask question moment phon cal wonder numb off accept possibl abl current today tomorrow tonight mak mad hav found \
    look used us keep leav start begin arriv reach ";

/// The words of a text in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace('’', "'").replace("'s", "");
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .map(|word| word.trim_matches('\''))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The words that tell what a text is about.
pub(super) fn content(text: &str) -> Vec<String> {
    let mut words = words(text);
    let is_empty = |word: &str| {
        word.contains('\'') // a contraction
            || word.chars().all(|c| c.is_ascii_digit())
            || is_listed(EMPTY, word)
    };
    words.retain(|word| !is_empty(word));
    words
}

/// Whether this stem is common to questions about any business.
pub(super) fn is_common(stem: &str) -> bool {
    is_listed(COMMON, stem)
}

fn is_listed(list: &str, word: &str) -> bool {
    list.contains(&format!(" {word} "))
}

/// The word without its ending; the same for the forms of one word, mostly.
pub(super) fn stem(word: &str) -> String {
    const ENDINGS: [(&str, &str); 10] = [
        ("ies", "y"),
        ("sses", "ss"),
        ("ings", ""),
        ("ing", ""),
        ("ed", ""),
        ("es", ""),
        ("s", ""),
        ("ly", ""),
        ("er", ""),
        ("or", ""),
    ];
    let mut stem = word.to_owned();
    for (ending, instead) in ENDINGS {
        if let Some(rest) = word.strip_suffix(ending)
            && rest.chars().count() >= 3
        {
            stem = format!("{rest}{instead}");
            break;
        }
    }
    if stem.chars().count() > 4 && stem.ends_with('e') {
        stem.pop();
    }
    let mut last = stem.chars().rev();
    if stem.chars().count() > 3 && last.next() == last.next() {
        stem.pop();
    }
    stem
}

/// The sentences of a text. A full stop ends one where a space and a capital or a figure follow, and at the end of a
/// line everything does.
pub(super) fn sentences(text: &str) -> impl Iterator<Item = String> {
    let mut sentences = Vec::new();
    for line in text.lines() {
        let line = line.trim_start_matches([' ', '\t', '-', '*', '•']);
        let mut from = 0;
        for (at, _) in line.match_indices(['.', '!', '?']) {
            let rest = &line[at + 1..];
            let next = rest.trim_start().chars().next();
            let ends = rest.starts_with(char::is_whitespace)
                && next.is_none_or(|next| !next.is_lowercase())
                && !is_abbreviated(&line[from..at]);
            if ends {
                sentences.push(line[from..=at].trim().to_owned());
                from = at + 1;
            }
        }
        sentences.push(line[from..].trim().to_owned());
    }
    sentences
        .into_iter()
        .filter(|sentence| !sentence.is_empty())
}

/// Whether a full stop after this text abbreviates its last word.
fn is_abbreviated(text: &str) -> bool {
    let last = text.rsplit(char::is_whitespace).next().unwrap_or_default();
    let short = [
        "Dr", "Mr", "Mrs", "Ms", "St", "No", "Prof", "approx", "incl", "e.g", "i.e",
    ];
    short.contains(&last) || (last.chars().count() == 1 && last.chars().all(char::is_uppercase))
}

/// Whether a word is a number: figures, or words such as "twenty-five".
pub(super) fn is_number(word: &str) -> bool {
    const NUMBERS: &str = " two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen \
        sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand \
        million half quarter dozen third fourth fifth sixth seventh eighth ninth tenth ";
    word.chars().any(|c| c.is_ascii_digit()) || is_listed(NUMBERS, word)
}
