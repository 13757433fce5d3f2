//! Names and numbers that a caller must hear correctly, and whether they were heard.

/// A sentence, and what must be heard of it: the accepted spellings of each thing.
pub struct Told {
    pub text: &'static str,
    pub things: &'static [&'static [&'static str]],
}

const fn told(text: &'static str, things: &'static [&'static [&'static str]]) -> Told {
    Told { text, things }
}

/// As a call sends them: numbers as words.
pub const TOLD: &[Told] = &[
    told(
        "Your order number is four eight two one three.",
        &[&["48213", "4 8 2 1 3", "four eight two one three"]],
    ),
    told(
        "Please call us back at five five five, zero one four two.",
        &[&["5550142", "555 0142", "five five five zero one four two"]],
    ),
    told(
        "We are open from nine thirty in the morning until six forty-five.",
        &[&["930", "nine thirty"], &["645", "six forty five"]],
    ),
    told(
        "The total is one hundred and twenty-seven dollars and fifty cents.",
        &[&["127", "hundred and twenty seven"], &["50", "fifty"]],
    ),
    told(
        "Your appointment is on Thursday, the twenty-third of October.",
        &[&["thursday"], &["23rd", "23", "twenty third"], &["october"]],
    ),
    told(
        "My name is Margaret, and I work with Mister Patterson.",
        &[&["margaret"], &["patterson"]],
    ),
    told(
        "I will connect you with Sarah Mitchell in our Boston office.",
        &[&["sarah", "sara"], &["mitchell"], &["boston"]],
    ),
    told(
        "Was that Jennifer Clark or Daniel Brooks?",
        &[
            &["jennifer"],
            &["clark", "clarke"],
            &["daniel"],
            &["brooks"],
        ],
    ),
    told(
        "The train to Manchester leaves from platform fourteen at seven fifteen.",
        &[
            &["manchester"],
            &["14", "fourteen"],
            &["715", "seven fifteen"],
        ],
    ),
    told(
        "You ordered thirteen chairs and thirty lamps.",
        &[&["13", "thirteen"], &["30", "thirty"]],
    ),
    told(
        "Our address is sixty-two Washington Street, second floor.",
        &[&["62", "sixty two"], &["washington"], &["second", "2nd"]],
    ),
    told(
        "Doctor Nguyen can see you on the eighteenth at ten past four.",
        &[&["nguyen"], &["18th", "eighteenth"], &["four", "4"]],
    ),
    told(
        "The code is A, seven, B, nine, two.",
        &[&["a7b92", "a seven b nine two", "a 7 b 9 2"]],
    ),
    told(
        "Flight two hundred and six to Madrid was delayed by fifty minutes.",
        &[
            &["206", "two hundred and six"],
            &["madrid"],
            &["50", "fifty"],
        ],
    ),
    told(
        "Harbour Books has a table reserved for Emily Thompson, party of eight.",
        &[
            &["harbour", "harbor"],
            &["emily"],
            &["thompson"],
            &["eight", "8"],
        ],
    ),
    told(
        "It costs nineteen ninety-nine, or ninety dollars for a year.",
        &[
            &["1999", "19 99", "nineteen ninety nine"],
            &["90", "ninety"],
        ],
    ),
];

/// The total number of things.
pub fn things() -> usize {
    TOLD.iter().map(|told| told.things.len()).sum()
}

/// The things that are missing from what was heard, each by its first spelling.
pub fn lost(told: &Told, heard: &str) -> Vec<&'static str> {
    let heard = letters(heard);
    let there = |spelling: &&str| heard.contains(&letters(spelling));
    let missing = told.things.iter().filter(|thing| !thing.iter().any(there));
    missing.map(|thing| thing[0]).collect()
}

/// Letters and digits only: "9:30 a.m." contains "930".
fn letters(text: &str) -> String {
    text.to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect()
}

#[test]
fn what_is_missing_is_named() {
    let told = &TOLD[2];
    assert_eq!(lost(told, "We open at 9:30 until six forty-five"), [""; 0]);
    assert_eq!(lost(told, "We open at 9:13 until 6.45"), ["930"]);
}
