//! An agent's prompt: its file, its variables, and the version that it is part of.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::super::files::Files;
use super::super::problem::ConfigError;
use super::super::section::{Reader, Section, Source, Text};
use super::super::template;
use super::super::variants::Variant;
use super::MAX_PROMPT_CHARS;
use super::templates::Templates;

/// Checks a system prompt, and says what is wrong with it.
pub(super) fn check_prompt(prompt: &str) -> Result<(), String> {
    let chars = prompt.chars().count();
    if prompt.trim().is_empty() {
        Err("the prompt is empty; say who the agent is and how it talks".into())
    } else if chars > MAX_PROMPT_CHARS {
        Err(format!(
            "the prompt has {chars} characters, {MAX_PROMPT_CHARS} at most; shorten it"
        ))
    } else {
        Ok(())
    }
}

/// The prompt's text and the path of its file.
pub(super) fn of_agent(
    top: &mut Section<'_>,
    reader: &Reader,
    files: &Files<'_>,
) -> (String, String) {
    let Some(text) = top.text("prompt") else {
        top.complain_here("prompt is missing; name a file, such as \"../prompts/support.md\"");
        return Default::default();
    };
    read_prompt(top, reader, files, &text)
}

/// The prompt in the file that `text` names, and the path of that file.
pub(super) fn read_prompt(
    section: &Section<'_>,
    reader: &Reader,
    files: &Files<'_>,
    text: &Text<'_>,
) -> (String, String) {
    let path = files.path(&text.value);
    match files.text(&path) {
        Ok(prompt) => {
            let file = path.display().to_string();
            if let Err(message) = check_prompt(&prompt) {
                reader.complain(ConfigError {
                    file: file.clone(),
                    line: None,
                    message,
                });
            }
            (prompt, file)
        }
        Err(error) => {
            let error = error.problem(&path, "prompt names this file");
            section.complain(&text.place, format!("{}: {}", error.file, error.message));
            Default::default()
        }
    }
}

pub(super) fn check_prompt_variables(
    reader: &Reader,
    file: &str,
    prompt: &str,
    known: &dyn Fn(&str) -> bool,
) {
    let complain = |line: usize, message: String| {
        reader.complain(ConfigError {
            file: file.to_owned(),
            line: Some(line),
            message,
        });
    };
    if let Err((line, message)) = template::fill(prompt, &json!({})) {
        complain(line, message);
    }
    for name in template::variables(prompt) {
        if !known(&name) {
            let message = format!(
                "no value for {{{{{name}}}}}; give it a default under [variables], or name it in \
                 required_variables for each call to set"
            );
            complain(template::line_of(prompt, &name), message);
        }
    }
}

pub(super) fn version(
    sources: &[Source<'_>],
    templates: &Templates,
    variants: &[Variant],
) -> String {
    let others = variants
        .iter()
        .filter_map(|variant| variant.prompt.as_ref());
    let prompts = [templates.system_prompt.as_str()]
        .into_iter()
        .chain(templates.small_prompt.as_deref())
        .chain(others.map(|(text, _)| text.as_str()));
    hash(sources.iter().map(|source| source.text).chain(prompts))
}

/// Twelve hexadecimal digits: enough to distinguish a folder's versions.
pub(super) fn hash<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    let digest = hash.finalize();
    digest[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
