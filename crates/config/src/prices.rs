//! Providers' prices, from a file that operators may change: each price has a date and a source. PURE, except for
//! reading the file.

use std::path::Path;

use serde::Deserialize;
use toml::value::Datetime;

/// In the file: the server of the models on this machine, and their name.
pub const LOCAL: &str = "local";
/// The built-in file.
const BUILT_IN: &str = include_str!("../../../docs/ops/prices.toml");
/// A higher price, in dollars, is treated as a mistake.
const HIGHEST: f64 = 100_000.0;

/// Why a price file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct BadPrices {
    file: String,
    reason: String,
}

/// The known prices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prices(Vec<Price>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceFile {
    #[serde(default)]
    price: Vec<Price>,
}

/// The price of one model on one server, in US dollars.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    server: String,
    model: String,
    date: Datetime,
    source: String,
    input: Option<f64>,
    cached_input: Option<f64>,
    output: Option<f64>,
    characters: Option<f64>,
    heard_minute: Option<f64>,
    spoken_minute: Option<f64>,
}

/// What an answer consumed of a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Tokens that the model read, including those from a cache.
    pub prompt_tokens: u64,
    /// How many of these came from a cache.
    pub cached_tokens: u64,
    /// Tokens that the model wrote.
    pub completion_tokens: u64,
    /// Characters sent to be spoken.
    pub characters: u64,
    /// Milliseconds of audio sent to be transcribed.
    pub heard_ms: u64,
    /// Milliseconds of speech received.
    pub spoken_ms: u64,
}

impl Prices {
    /// The prices in `file`, or the built-in ones.
    ///
    /// # Errors
    /// The file cannot be read, or contains something that cannot be a price.
    pub fn read(file: Option<&Path>) -> Result<Self, BadPrices> {
        let Some(path) = file else {
            return Self::parse("the built-in prices", BUILT_IN);
        };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| BadPrices {
            file: name.clone(),
            reason: format!("cannot be read ({error}); name a file in SIDETONE_PRICES"),
        })?;
        Self::parse(&name, &text)
    }

    fn parse(file: &str, text: &str) -> Result<Self, BadPrices> {
        let bad = |reason: String| BadPrices {
            file: file.to_owned(),
            reason,
        };
        let read: PriceFile = toml::from_str(text).map_err(|error| bad(error.to_string()))?;
        let mut prices: Vec<Price> = Vec::new();
        for price in read.price {
            let Price { server, model, .. } = &price;
            if prices.iter().any(|known| known.is_of(server, model)) {
                return Err(bad(format!(
                    "{model} of {server} has two prices; keep the one that counts"
                )));
            }
            if let Some(wrong) = price.wrong() {
                return Err(bad(format!("{model} of {server}: {wrong}")));
            }
            prices.push(price);
        }
        Ok(Self(prices))
    }

    /// The price of a model on a server. `None` if it is unknown.
    pub fn of(&self, server: &str, model: &str) -> Option<&Price> {
        self.0.iter().find(|price| price.is_of(server, model))
    }
}

impl Price {
    fn is_of(&self, server: &str, model: &str) -> bool {
        self.server.eq_ignore_ascii_case(server) && self.model == model
    }

    /// Why it is not a valid price.
    fn wrong(&self) -> Option<&'static str> {
        let rates = [
            self.input,
            self.cached_input,
            self.output,
            self.characters,
            self.heard_minute,
            self.spoken_minute,
        ];
        let mut rates = rates.into_iter().flatten().peekable();
        if self.date.date.is_none() {
            Some("its date is not a whole date; write it as 2026-11-28")
        } else if self.source.trim().is_empty() {
            Some("it has no source; say where the price is published")
        } else if rates.peek().is_none() {
            Some(
                "it has no price; write input and output, characters, heard_minute or spoken_minute",
            )
        } else if rates.any(|rate| !(0.0..=HIGHEST).contains(&rate)) {
            Some("a price must be a number of dollars, 0 or more")
        } else {
            None
        }
    }

    /// The date of the price, in seconds since 1970.
    pub fn day(&self) -> f64 {
        let Some(date) = self.date.date else {
            return 0.0;
        };
        days(date.year.into(), date.month.into(), date.day.into()) as f64 * 86_400.0
    }

    /// The cost of this consumption. `None` if the price covers none of it. Only the units that the price names are
    /// charged: a model with a price per minute costs nothing more per character.
    pub fn cost(&self, used: &Used) -> Option<f64> {
        let million = |rate: Option<f64>, count: u64| Some(rate? * count as f64 / 1e6);
        let minutes = |rate: Option<f64>, ms: u64| Some(rate? * ms as f64 / 60_000.0);
        let fresh = used.prompt_tokens.saturating_sub(used.cached_tokens);
        let parts = [
            (used.prompt_tokens, million(self.input, fresh)),
            (
                used.cached_tokens,
                million(self.cached_input.or(self.input), used.cached_tokens),
            ),
            (
                used.completion_tokens,
                million(self.output, used.completion_tokens),
            ),
            (used.characters, million(self.characters, used.characters)),
            (used.heard_ms, minutes(self.heard_minute, used.heard_ms)),
            (used.spoken_ms, minutes(self.spoken_minute, used.spoken_ms)),
        ];
        let mut known = parts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .filter_map(|(_, cost)| cost)
            .peekable();
        known.peek()?;
        Some(known.sum())
    }
}

/// Days from 1970 to a day of the Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests;
