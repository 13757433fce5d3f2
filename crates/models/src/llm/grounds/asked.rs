//! What kind of answer a question wants, and whether a sentence can give it. English.

use super::words::{is_number, words};

/// A kind of answer that can be told by its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Price,
    Duration,
    Time,
    Place,
    Person,
    Number,
}

/// The kind of answer that is wanted; `None` for yes, no, and everything else.
pub(super) fn wanted(said: &str) -> Option<Kind> {
    let words = words(said);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let follows = |first: &str, then: &[&str]| {
        let mut pairs = words.windows(2);
        pairs.any(|pair| pair[0] == first && then.contains(&pair[1].as_str()))
    };
    let asks_amount = has(&["what", "how"]) && has(&["charge", "charges", "pay", "rate"]);
    let priced = ["price", "prices", "pricing", "fee", "fees", "cost", "costs"];
    if has(&priced)
        || follows("how", &["expensive"])
        || (follows("how", &["much"]) && !has(&["time", "notice"]))
        || (asks_amount && !has(&["when", "where", "who"]) && !follows("how", &["do", "can"]))
    {
        return Some(Kind::Price);
    }
    if follows("how", &["long", "soon", "quickly"]) {
        return Some(Kind::Duration);
    }
    if has(&["when"])
        || follows("what", &["time", "times", "day", "days", "hours"])
        || follows("which", &["day", "days"])
        || follows("how", &["late", "early"])
        || follows("opening", &["hours", "times"])
    {
        return Some(Kind::Time);
    }
    if has(&["address"]) || follows("where", &["do", "can", "is", "are", "should"]) {
        return Some(Kind::Place);
    }
    if has(&["who", "whose"]) {
        return Some(Kind::Person);
    }
    let measures = [
        "many", "old", "fast", "big", "large", "far", "tall", "heavy", "high",
    ];
    follows("how", &measures).then_some(Kind::Number)
}

impl Kind {
    /// Whether a sentence has an answer of this kind.
    pub(super) fn is_in(self, fact: &str) -> bool {
        let words = words(fact);
        let has = |list: &str| words.iter().any(|word| list.contains(&format!(" {word} ")));
        match self {
            Self::Price => {
                fact.contains(['€', '£', '$'])
                    || has(
                        " euro euros pound pounds dollar dollars cent cents pence franc francs free nothing \
                            charge price prices cost costs fee fees ",
                    )
            }
            Self::Duration => has(
                " second seconds minute minutes hour hours day days week weeks month months year years until \
                 overnight ",
            ),
            Self::Time => {
                words.iter().any(|word| is_number(word))
                    || has(
                        " monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays \
                            thursdays fridays saturdays sundays weekday weekdays weekend weekends day days daily week \
                            weeks month months minute minutes hour hours noon midnight morning mornings afternoon \
                            afternoons evening evenings night january february march april may june july august \
                            september october november december until open opens closed closes always ",
                    )
            }
            Self::Place => {
                has(
                    " street road lane avenue square floor station behind beside opposite near corner park above \
                     downstairs upstairs entrance ",
                ) || names(fact).any(|(before, _)| {
                    let before = before.unwrap_or_default().to_lowercase();
                    ["at", "in", "on", "to"].contains(&before.as_str())
                })
            }
            Self::Person => {
                has(" doctor dr mr mrs ms manager owner chef teacher ")
                    || names(fact).any(|(before, _)| before.is_some())
            }
            Self::Number => words.iter().any(|word| is_number(word)),
        }
    }
}

/// The words with a capital or a figure in front, each with the word before it; weekdays and months are no names.
fn names(fact: &str) -> impl Iterator<Item = (Option<&str>, &str)> {
    let mut before = None;
    fact.split_whitespace().filter_map(move |word| {
        let after = before.replace(word);
        let named = word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
        let dated = [
            "day", "days", "ary", "ber", "pril", "une", "uly", "ugust", "arch", "May",
        ];
        let bare = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        (named && !dated.iter().any(|end| bare.ends_with(end))).then_some((after, word))
    })
}

/// Whether the caller wants to know or to have something.
pub(super) fn is_asking(said: &str) -> bool {
    if said.contains('?') {
        return true;
    }
    let words = words(said);
    let begins = words.iter().find(|word| {
        ![
            "and", "but", "so", "hi", "hello", "okay", "ok", "well", "um", "uh", "please",
        ]
        .contains(&word.as_str())
    });
    let opening = [
        "what", "when", "where", "who", "whose", "which", "why", "how", "is", "are", "do", "does",
        "did", "can", "could", "will", "would", "should", "may", "have", "has", "what's", "tell",
    ];
    let wishes = ["want", "need", "i'd", "wondering", "wonder"];
    begins.is_some_and(|word| opening.contains(&word.as_str()))
        || words.iter().any(|word| wishes.contains(&word.as_str()))
        || words
            .windows(2)
            .any(|pair| pair[0] == "would" && pair[1] == "like")
        || words
            .windows(2)
            .any(|pair| pair[0] == "can" && pair[1] == "you")
}

/// Whether a turn is understood only with the one before: "And on Sunday?", "How much is that?"
pub(super) fn goes_on(said: &str) -> bool {
    let words = words(said);
    let Some(first) = words.first() else {
        return false;
    };
    let second = words.get(1).map(String::as_str);
    words.len() <= 8
        && (first == "and"
            || first == "or"
            || (["what", "how"].contains(&first.as_str()) && second == Some("about"))
            || words
                .iter()
                .skip(1)
                .any(|word| ["that", "it", "those", "them"].contains(&word.as_str())))
}
