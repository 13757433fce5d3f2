//! What a prompt lets the small models say of a business: its facts, as they are written, or that the answer is not
//! known. PURE.
//!
//! A model of this size cannot tell what it knows from what it makes up. So where a prompt marks its facts, the model
//! does not phrase them: a question is answered by the fact that bears on it, word for word, and if none does, by the
//! sentence for what is not known. The model keeps the conversation: greetings, thanks, words that nobody understood.
//!
//! ```text
//! All you know: <facts>The shop opens at nine. Delivery costs four euros.</facts>
//! Otherwise say: <unknown>I'm sorry, I don't know that.</unknown>
//! <talk>You answer the phone of a shop.
//! Thank you. - You're welcome!</talk>
//! ```
//!
//! `talk` may be left out. It is a prompt of its own for greetings and thanks, which a small model otherwise answers by
//! not knowing. Its lines with " - " in them are examples: what is close to one is answered as it says.

mod asked;
mod bearing;
mod guard;
mod words;

use super::{Message, Role};
use bearing::{Bearing, Fact, Frame, Meanings};
pub(super) use guard::Guard;

/// Facts that are compared with a question; further ones are read by the model only.
const MOST_FACTS: usize = 256;

/// What a prompt marks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grounds {
    facts: Vec<Fact>,
    unknown: String,
    talk: Option<String>,
    frame: Frame,
}

/// How a turn is answered.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// By these words.
    Say(String),
    /// By the model, under guard; with this prompt, if there is one, instead of the usual.
    Converse(Guard, Option<String>),
}

/// Takes the marks out of a prompt, which otherwise stays as it is. Returns what they marked, if that is both facts and
/// what to say about everything else.
pub(super) fn read(prompt: &str) -> (String, Option<Grounds>) {
    let (rest, talk) = match marked(prompt, "talk") {
        Some((before, talk, after)) => {
            let rest = format!("{}{}", before.trim_end(), after.trim_end());
            (rest, Some(talk.trim().to_owned()))
        }
        None => (prompt.to_owned(), None),
    };
    let Some((before, facts, after)) = marked(&rest, "facts") else {
        return (rest, None);
    };
    let plain = format!("{before}{facts}{after}");
    let frame = format!("{before}\n{after}");
    let unknown = marked(&frame, "unknown").map(|(_, unknown, _)| unknown.trim().to_owned());
    let Some((unknown, (before, said, after))) = unknown.zip(marked(&plain, "unknown")) else {
        return (plain, None);
    };
    let plain = format!("{before}{said}{after}");
    let grounds = Grounds {
        facts: words::sentences(facts)
            .take(MOST_FACTS)
            .map(Fact::new)
            .collect(),
        unknown,
        talk,
        frame: Frame::new(&frame),
    };
    (plain, Some(grounds))
}

/// The text before, between and after this mark's two ends.
fn marked<'t>(text: &'t str, mark: &str) -> Option<(&'t str, &'t str, &'t str)> {
    let (before, rest) = text.split_once(&format!("<{mark}>"))?;
    let (inside, after) = rest.split_once(&format!("</{mark}>"))?;
    Some((before, inside, after))
}

impl Grounds {
    /// How to answer the last of these messages; `None` if it is not a caller's words.
    pub(super) fn judge<M: Meanings>(
        &self,
        messages: &[Message],
        meanings: &mut M,
    ) -> Result<Option<Verdict>, M::Error> {
        let mut turns = messages.iter().rev();
        let Some(last) = turns.next().filter(|last| last.role == Role::User) else {
            return Ok(None);
        };
        let said = last.content.as_str();
        let chat = bearing::chatter(said, meanings)?;
        let asks = asked::is_asking(said);
        let mut best = self.best(said, meanings)?;
        // what leads up to a question may hide what it is about
        let question = words::sentences(said)
            .filter(|sentence| sentence.ends_with('?'))
            .last();
        if let Some(question) = question.filter(|question| question.len() < said.trim().len()) {
            best = bearing::nearer(best, self.best(&question, meanings)?);
        }
        if asked::goes_on(said)
            && let Some(before) = turns.find(|turn| turn.role == Role::User)
        {
            let whole = format!("{} {said}", before.content);
            best = bearing::nearer(best, self.best(&whole, meanings)?);
        }
        let best = best.filter(|best| best.is_enough(asks) && !chat.is_certain());
        Ok(Some(match best {
            Some(best) => Verdict::Say(self.facts[best.fact].text.clone()),
            None if asks && !chat.is_likely() => Verdict::Say(self.unknown.clone()),
            None => {
                if let Some(answer) = self.example(said, meanings)? {
                    return Ok(Some(Verdict::Say(answer)));
                }
                let is_talk = chat.is_likely() || words::content(said).is_empty();
                let prompt = self.talk.clone().filter(|_| is_talk);
                Verdict::Converse(self.guard(messages), prompt)
            }
        }))
    }

    /// Computes what answers need of the facts.
    pub(super) fn read_ahead<M: Meanings>(&self, meanings: &mut M) -> Result<(), M::Error> {
        bearing::chatter("Hello", meanings)?;
        self.best("Hello", meanings).map(drop)
    }

    /// The answer of the example in the prompt for talk that is close to these words.
    fn example<M: Meanings>(
        &self,
        said: &str,
        meanings: &mut M,
    ) -> Result<Option<String>, M::Error> {
        let lines = self.talk.as_deref().unwrap_or_default().lines();
        let examples: Vec<_> = lines.filter_map(|line| line.split_once(" - ")).collect();
        let asked = examples.iter().map(|(asked, _)| *asked);
        let closest = bearing::closest(said, asked, meanings)?;
        Ok(closest.map(|n| examples[n].1.trim().to_owned()))
    }

    fn best<M: Meanings>(&self, said: &str, meanings: &mut M) -> Result<Option<Bearing>, M::Error> {
        bearing::best(said, &self.facts, &self.frame, meanings)
    }

    /// The prompt for greetings and thanks.
    pub(super) fn talk(&self) -> Option<&str> {
        self.talk.as_deref()
    }

    /// Lets through the numbers that somebody has said or written here.
    fn guard(&self, messages: &[Message]) -> Guard {
        let conversation = messages.iter().map(|message| message.content.as_str());
        Guard::new(&self.unknown, conversation)
    }
}

#[cfg(test)]
mod tests;
