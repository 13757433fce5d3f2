//! Finds secrets that were written into an agent's file instead of their names.

use toml::de::{DeTable, DeValue};

use super::super::problem::ConfigError;
use super::super::secret::Secrets;
use super::super::section::Source;

/// A shorter value may stand in a text by chance.
const SHORTEST: usize = 8;
/// Headers that servers know their callers by; so are those whose names end in one of the words of [`ENDINGS`].
const CREDENTIALS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];
const ENDINGS: [&str; 3] = ["key", "token", "secret"];

/// What is wrong with a file in this respect: a line holds the value of one of the `secrets`, or a header that
/// carries a credential names none.
pub(crate) fn secrets_in(file: &str, text: &str, secrets: &Secrets) -> Vec<ConfigError> {
    let source = Source { file, text };
    let mut found = Vec::new();
    for (name, secret) in secrets.iter() {
        let value = secret.expose();
        if value.len() >= SHORTEST
            && let Some(at) = text.find(&*value)
        {
            let variable = Secrets::variable(name);
            let message = format!(
                "holds the value of {variable}, which everybody who reads the database would know; write {{{{ \
                 secret.{name} }}}} where a header needs it"
            );
            found.push(source.error(Some(at..at), message));
        }
    }
    if file.ends_with(".toml")
        && let Ok(table) = DeTable::parse(text)
    {
        look(&source, "", table.get_ref(), &mut found);
    }
    found
}

/// Looks through the tables named `headers`, wherever they are.
fn look(source: &Source<'_>, path: &str, table: &DeTable<'_>, found: &mut Vec<ConfigError>) {
    let is_headers = path == "headers" || path.ends_with(".headers");
    for (key, value) in table {
        let path = match path {
            "" => key.get_ref().to_string(),
            _ => format!("{path}.{}", key.get_ref()),
        };
        match value.get_ref() {
            DeValue::Table(table) => look(source, &path, table, found),
            DeValue::String(text) if is_headers && is_credential(key.get_ref(), text) => {
                let message = format!(
                    "{path} holds a secret itself, which everybody who reads the database would know; put it into a \
                     variable SIDETONE_SECRET_NAME and write {{{{ secret.name }}}}"
                );
                found.push(source.error(Some(value.span()), message));
            }
            _ => {}
        }
    }
}

/// Whether a header carries a credential, and its template takes none from elsewhere.
fn is_credential(header: &str, template: &str) -> bool {
    let header = header.to_ascii_lowercase();
    let carries = CREDENTIALS.contains(&header.as_str())
        || ENDINGS.iter().any(|ending| header.ends_with(ending));
    carries && !template.contains("{{")
}
