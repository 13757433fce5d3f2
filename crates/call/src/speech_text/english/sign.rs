//! Whether a sentence is English, where nobody has said so.

/// Words of English that the languages around it do not have.
const ENGLISH: &str = "\
    the you your and are this that they there from would could should please what when where how \
    with it's i'm you're we're that's don't there's yes it can been their our which because about \
    between before today tomorrow costs opens closes";
/// Words that are frequent elsewhere. Some are English, too: then the sentence is left alone.
const OTHERS: &str = "\
    der die das den dem des und ist nicht ein eine einen für mit auf von zu zum zur um am uhr kostet \
    wir sie ich es le la les et est un une pour avec que je vous sur el los las y por con para una \
    se su il di che per lo gli della sono da em os uma het een van en ik niet dat op voor te zijn is \
    na jest nie się od och att det som jag på og er ikke jeg til av ja nej";

/// Whether two words of `sentence` are English and none is of another language, in letters without
/// accents. Most short sentences are neither: what is not known is not taken for English.
pub(crate) fn is_english(sentence: &str) -> bool {
    if sentence.chars().any(|c| c.is_alphabetic() && !c.is_ascii()) {
        return false;
    }
    let small = sentence.replace('’', "'").to_lowercase();
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '\'';
    let mut words: Vec<&str> = small.split(|c: char| !is_letter(c)).collect();
    words.sort_unstable();
    words.dedup();
    let are_in = |list: &str| {
        let listed = |word: &&&str| list.split_ascii_whitespace().any(|known| known == **word);
        words.iter().filter(listed).count()
    };
    // English "is" is Dutch, too: it speaks for neither.
    are_in(ENGLISH) >= 2 && are_in(OTHERS) == usize::from(words.contains(&"is"))
}

#[cfg(test)]
mod tests;
