//! `[encryption]`: the keys of calls whose sound and data only the participants can read.

use super::secret::{Secret, Secrets};
use super::section::Section;
use super::template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Clients keep as many keys, by index.
const MOST: usize = 16;

/// How clients make keys of what is shared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Derivation {
    /// Of words, with 100,000 rounds.
    #[default]
    Pbkdf2,
    /// Of random bytes, which are written in base64.
    Hkdf,
}

/// The keys of an agent's calls. Their files are read again while a call lasts, so that they may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// By index; the first is the one to begin with.
    keys: Vec<Secret>,
    /// How keys are made of them.
    pub derivation: Derivation,
}

impl Encryption {
    /// What keys are derived from, by index, as it is now.
    ///
    /// # Errors
    /// The text says which of them cannot be used, and why.
    pub fn material(&self) -> Result<Vec<Vec<u8>>, String> {
        let read = |(index, secret): (usize, &Secret)| {
            let text = secret.expose();
            match self.derivation {
                Derivation::Pbkdf2 => Ok(text.as_bytes().to_vec()),
                Derivation::Hkdf => STANDARD.decode(&*text).map_err(|_| {
                    format!(
                        "key {index} is not base64, which keys for \"hkdf\" are written in; make one with \
                         `openssl rand -base64 32`"
                    )
                }),
            }
        };
        self.keys.iter().enumerate().map(read).collect()
    }
}

/// Reads the table; no keys, no encryption.
pub(super) fn read(mut section: Section<'_>, secrets: &Secrets) -> Option<Encryption> {
    let names = section.list("keys", Vec::new());
    let derivation = derivation(&mut section);
    if names.len() > MOST {
        let message = format!("{} has more than {MOST} keys", section.full("keys"));
        section.complain_here(message);
    }
    let found = |name: &String| key(&section, name, secrets);
    let keys: Vec<Secret> = names.iter().filter_map(found).collect();
    let encryption = Encryption { keys, derivation };
    if let Err(why) = encryption.material() {
        section.complain_here(format!("{}: {why}", section.full("keys")));
    }
    section.finish();
    (!encryption.keys.is_empty()).then_some(encryption)
}

fn derivation(section: &mut Section<'_>) -> Derivation {
    let Some(text) = section.choice("derivation", vec!["pbkdf2", "hkdf"]) else {
        return Derivation::default();
    };
    match text.value.as_str() {
        "pbkdf2" => Derivation::Pbkdf2,
        "hkdf" => Derivation::Hkdf,
        other => {
            let message = format!(
                "{} is {other:?}; write \"pbkdf2\" for words, or \"hkdf\" for random bytes in base64",
                section.full("derivation")
            );
            section.complain(&text.place, message);
            Derivation::default()
        }
    }
}

/// A key stands in the environment or in a file that it names, never in an agent's file.
fn key(section: &Section<'_>, text: &str, secrets: &Secrets) -> Option<Secret> {
    let path = section.full("keys");
    let names = template::variables(text);
    let name = match names.as_slice() {
        [name] => name.strip_prefix("secret."),
        _ => None,
    };
    let Some(name) = name else {
        // What stands there may be the key itself, so it is not shown.
        let message = format!("{path} must be secrets' names, such as [\"{{{{ secret.room }}}}\"]");
        section.complain_here(message);
        return None;
    };
    // An agent's file is read with its secrets as they are; a call's keys may change while it lasts.
    let found = secrets.get(name).map(Secret::live);
    if found.is_none() {
        section.complain_here(format!(
            "{path}: the secret {name} is not set; set the variable {}",
            Secrets::variable(name)
        ));
    }
    found
}

#[cfg(test)]
mod tests;
