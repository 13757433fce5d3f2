//! `[encryption]`: the keys of calls whose sound and data only the participants can decrypt.

use super::secret::{Secret, Secrets};
use super::section::Section;
use super::template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How many keys clients keep, by index.
const MOST: usize = 16;

/// How clients derive keys from the shared secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Derivation {
    /// From words, with 100,000 rounds.
    #[default]
    Pbkdf2,
    /// From random bytes, written in base64.
    Hkdf,
}

/// The keys for an agent's calls. Their files are read again during a call, so that they may be rotated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// By index; the first is used at the start.
    keys: Vec<Secret>,
    /// How keys are derived from them.
    pub derivation: Derivation,
}

impl Encryption {
    /// The current key material, by index.
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

/// Reads the table. `None` if it has no keys, and calls are not encrypted.
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

/// Keys are in the environment or in a file that it names, never in an agent's file.
fn key(section: &Section<'_>, text: &str, secrets: &Secrets) -> Option<Secret> {
    let path = section.full("keys");
    let names = template::variables(text);
    let name = match names.as_slice() {
        [name] => name.strip_prefix("secret."),
        _ => None,
    };
    let Some(name) = name else {
        // The text may be the key itself, so it is not shown.
        let message = format!("{path} must be secrets' names, such as [\"{{{{ secret.room }}}}\"]");
        section.complain_here(message);
        return None;
    };
    // An agent's file is read with its secrets fixed; a call's keys may change during the call.
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
