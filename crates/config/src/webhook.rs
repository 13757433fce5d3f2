//! Where the ends of calls are posted, which other events are posted, and the secret that signs them.

use reqwest::Url;
use sidetone_base::text_enum;

use super::address::{Reach, is_plain, reach_of};
use super::secret::{self, Secret};
use super::variable::{BadVariable, Variables};

/// Shorter secrets can be guessed.
const MIN_WEBHOOK_SECRET: usize = 24;

text_enum! {
    /// An event of a call that is posted on request, in addition to the call's end.
    WebhookEvent {
        /// Caller and agent are connected.
        Started = "started",
        /// Somebody has finished a turn; the words are included.
        Turn = "turn",
        /// A tool has run, or a backend's command was carried out.
        Tool = "tool",
        /// A person has taken the call.
        Transferred = "transferred",
    }
}

/// Parses a list of events; duplicates count once.
///
/// # Errors
/// There is no such event; the text lists those that exist.
pub fn events<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<WebhookEvent>, String> {
    let read = |name: &str| match name {
        "ended" => Err("\"ended\" is always posted; leave it out".to_owned()),
        name => name.parse(),
    };
    let mut events = names
        .into_iter()
        .map(read)
        .collect::<Result<Vec<WebhookEvent>, _>>()?;
    events.sort();
    events.dedup();
    Ok(events)
}

/// Where events of calls are posted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallWebhook {
    /// The address for agents whose files name none.
    pub url: Option<String>,
    /// The events to post in addition to the end, for agents whose files do not say.
    pub events: Vec<WebhookEvent>,
    /// Signs every request. `None` if nothing is posted.
    pub secret: Option<Secret>,
}

impl CallWebhook {
    const URL: &str = "SIDETONE_CALL_WEBHOOK_URL";
    const EVENTS: &str = "SIDETONE_CALL_WEBHOOK_EVENTS";
    const SECRET: &str = "SIDETONE_CALL_WEBHOOK_SECRET";

    pub(super) fn read(var: &Variables<'_>) -> Result<Self, BadVariable> {
        let url = var.text(Self::URL);
        if let Some(url) = &url
            && let Err(fix) = check_webhook(url)
        {
            return Err(BadVariable {
                name: Self::URL,
                value: url.clone(),
                fix,
            });
        }
        let secret = var.secret(Self::SECRET, strong)?;
        if url.is_some() && secret.is_none() {
            return Err(BadVariable {
                name: Self::SECRET,
                value: String::new(),
                fix: format!(
                    "receivers check signatures with it: set at least {MIN_WEBHOOK_SECRET} \
                     characters, such as what `openssl rand -hex 32` prints"
                ),
            });
        }
        let named = var.text(Self::EVENTS).unwrap_or_default();
        let names = named.split(',').map(str::trim);
        let events = events(names.filter(|name| !name.is_empty())).map_err(|fix| BadVariable {
            name: Self::EVENTS,
            value: named.clone(),
            fix,
        })?;
        Ok(Self {
            url,
            events,
            secret,
        })
    }
}

fn strong(secret: &str) -> Result<(), String> {
    secret::check_strength(secret, MIN_WEBHOOK_SECRET)
}

/// Checks an address to which conversations may be posted: `https://…`, or `http://` to this machine.
///
/// # Errors
/// It is another address; the text says what to write.
pub fn check_webhook(url: &str) -> Result<(), String> {
    let is_good = Url::parse(url).is_ok_and(|url| match url.scheme() {
        "https" => true,
        // A name before "@" would be mistaken for the host by whoever reads the address.
        "http" => is_plain(&url) && reach_of(&url) == Some(Reach::Machine),
        _ => false,
    });
    is_good
        .then_some(())
        .ok_or_else(|| "it must start with https:// (or http:// on loopback)".into())
}

#[cfg(test)]
mod tests;
