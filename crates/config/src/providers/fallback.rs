//! A fallback for speech to text over a socket.

use std::collections::BTreeMap;

use super::{DEFAULT, Named, Provider, Section, StageConfig};

/// Sets the provider that transcribes whole utterances in place of the one that transcribes over a socket, whose model
/// may not support anything else. Returns the latter.
pub(super) fn read(
    section: &mut Section<'_>,
    stt: &mut StageConfig,
    named: &BTreeMap<String, Named>,
) -> Option<Provider> {
    let provider = section.text("fallback_provider");
    let model = section.text("fallback_model").map(|text| text.value);
    let ears = stt.providers.first().cloned()?;
    let mut batch = match &provider {
        None => ears.clone(),
        Some(text) if text.value == DEFAULT => Provider::process(None),
        Some(text) => match named.get(&text.value) {
            Some(found) => found.provider(text.value.clone(), 0),
            None => {
                let full = section.full("fallback_provider");
                let message = format!(
                    "{full} names {}, which does not exist; write it as [providers.{}]",
                    text.value, text.value
                );
                section.complain(&text.place, message);
                return None;
            }
        },
    };
    if provider.is_none() && model.is_none() {
        return None;
    }
    if let (Some(text), None, None) = (&provider, &model, &batch.model)
        && batch.name != DEFAULT
    {
        let full = section.full("fallback_provider");
        let message = format!(
            "{full} names {}, but providers.{}.stt is missing; write the name of its model",
            text.value, text.value
        );
        section.complain(&text.place, message);
    }
    batch.model = model.or(batch.model);
    stt.providers[0] = batch;
    // No provider is asked twice in the same way.
    let first = stt.providers[0].name.clone();
    let mut place = 0;
    stt.providers.retain(|provider| {
        place += 1;
        place == 1 || provider.name != first
    });
    Some(ears)
}
