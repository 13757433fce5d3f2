//! Which voices the speech providers have, and what replaces a missing one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Item;
use sidetone_base::provider::{TtsProtocol, VOICES};
use sidetone_call::clients::Clients;
use sidetone_config::agent::AgentConfig;
use sidetone_providers::openai;

const NAME: &str = "voices";

/// An item for each speech provider, and one for each voice that an agent's file names and OpenAI does not have.
pub(super) fn look(clients: &Clients, agents: &[Arc<AgentConfig>]) -> Vec<Item> {
    let mut providers = BTreeMap::new();
    let mut strange = Vec::new();
    for agent in agents {
        for (provider, speaker) in clients.for_call(agent).tts.each() {
            let (place, protocol) = (speaker.tts.describe(), speaker.tts.protocol());
            if speaker.tts.is_openai() && !is_known(&speaker.voice) {
                let (name, voice) = (&agent.name, &speaker.voice);
                strange.push(Item::note(
                    NAME,
                    format!("{name}: OpenAI has no voice {voice:?} that we know of"),
                    format!(
                        "name one of {}, or a custom voice's id (\"voice_…\")",
                        VOICES.join(", ")
                    ),
                ));
            }
            providers.insert((provider.to_owned(), place), protocol);
        }
    }
    let items = providers.into_iter().map(|((provider, place), protocol)| {
        let found = format!("{provider} ({place}): {}", names(protocol));
        Item::ok(NAME, found)
    });
    items.chain(strange).collect()
}

fn is_known(voice: &str) -> bool {
    VOICES.contains(&voice) || voice.starts_with("voice_")
}

/// OpenAI's voice names, as requested from a provider.
fn names(protocol: TtsProtocol) -> String {
    let told = openai::voices(protocol).map(|(name, speaks)| match name == speaks {
        true => name.to_owned(),
        false => format!("{name} (spoken by {speaks})"),
    });
    let way = match protocol {
        TtsProtocol::Speech => "over HTTP",
        TtsProtocol::Realtime => "over the Realtime socket",
    };
    format!("{way}: {}; other names are sent unchanged", told.join(", "))
}

#[cfg(test)]
mod tests;
