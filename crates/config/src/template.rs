//! `{{variables}}` in prompts, greetings, addresses and headers, as Jinja templates.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use serde_json::Value;

/// How many steps a template may take: a prompt from a request must not be able to hang a call.
const FUEL: u64 = 100_000;
/// Functions that are built into the template language.
const FUNCTIONS: [&str; 3] = ["range", "dict", "namespace"];

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_fuel(Some(FUEL));
    environment
}

/// The variables that a template uses, with dots; empty if it is invalid.
pub fn variables(template: &str) -> Vec<String> {
    let environment = environment();
    let Ok(template) = environment.template_from_str(template) else {
        return Vec::new();
    };
    let mut names: Vec<String> = template.undeclared_variables(true).into_iter().collect();
    names.retain(|name| !FUNCTIONS.contains(&name.as_str()));
    names.sort();
    names
}

/// The line, from 1, on which a template uses a variable.
pub fn line_of(template: &str, name: &str) -> usize {
    let uses = |line: &str| {
        let code = line.split("{{").skip(1).chain(line.split("{%").skip(1));
        code.map(|rest| rest.split(['}', '%']).next().unwrap_or_default())
            .any(|code| code.contains(name))
    };
    template.lines().position(uses).map_or(1, |at| at + 1)
}

/// Fills in `{{name}}` from `values`, an object. Inserted text is not expanded again: a caller's name cannot introduce
/// a variable. A name without a value becomes empty; [`variables`] tells in advance which are needed.
///
/// # Errors
/// Unclosed braces, or an unknown filter; the text says which, and on which line (from 1).
pub fn fill(template: &str, values: &Value) -> Result<String, (usize, String)> {
    render(&environment(), template, values)
}

/// Like [`fill`], for an address: inserted text is escaped, so that it stays a single component.
///
/// # Errors
/// As [`fill`].
pub fn fill_url(template: &str, values: &Value) -> Result<String, (usize, String)> {
    let mut environment = environment();
    environment.set_formatter(|out, _, value| {
        if value.is_undefined() || value.is_none() {
            return Ok(());
        }
        let text = value.to_string();
        if matches!(text.as_str(), "." | "..") {
            // They change the path, escaped or not.
            let message = format!("{text:?} cannot be part of an address");
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
        let bytes = form_urlencoded::byte_serialize(text.as_bytes());
        // In a path, unlike in a form, "+" is not a space.
        let escaped = bytes.collect::<String>().replace('+', "%20");
        Ok(std::fmt::Write::write_str(out, &escaped)?)
    });
    render(&environment, template, values)
}

fn render(
    environment: &Environment<'_>,
    template: &str,
    values: &Value,
) -> Result<String, (usize, String)> {
    if !template.contains('{') {
        return Ok(template.to_owned());
    }
    environment
        .render_str(template, Serde(values))
        .map_err(|error| {
            let detail = error.detail().map(|detail| format!(": {detail}"));
            let message = format!(
                "{}{}; variables are written {{{{ name }}}}",
                error.kind(),
                detail.unwrap_or_default()
            );
            (error.line().unwrap_or(1), message)
        })
}

#[cfg(test)]
mod tests;
