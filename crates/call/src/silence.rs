//! Silence of both sides: when the caller counts as away, and when the call is over. PURE.

use std::time::Instant;

use sidetone_config::agent::SilenceConfig;

/// What a silence calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The caller counts as away: ask whether anybody is there.
    Away,
    /// Say goodbye, and hang up.
    HangUp,
}

/// How long nobody has spoken.
#[derive(Debug, Default)]
pub struct Silence {
    since: Option<Instant>,
    away: bool,
    over: bool,
}

impl Silence {
    /// Nobody speaks from now on. No effect if the silence has begun already.
    pub fn goes_on(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// Somebody speaks, writes or works.
    pub fn broken(&mut self) {
        *self = Self::default();
    }

    /// What to do now; each thing once per silence.
    pub fn due(&mut self, now: Instant, rules: &SilenceConfig) -> Option<Due> {
        let next = self.next(rules).filter(|at| *at <= now)?;
        let hang_up = self.since.map(|since| since + rules.hang_up_after);
        if !rules.hang_up_after.is_zero() && hang_up == Some(next) {
            (self.away, self.over) = (true, true);
            Some(Due::HangUp)
        } else {
            self.away = true;
            Some(Due::Away)
        }
    }

    /// When [`Silence::due`] returns something.
    pub fn next(&self, rules: &SilenceConfig) -> Option<Instant> {
        let since = self.since?;
        let away = (!self.away && !rules.away_after.is_zero()).then(|| since + rules.away_after);
        let over =
            (!self.over && !rules.hang_up_after.is_zero()).then(|| since + rules.hang_up_after);
        away.into_iter().chain(over).min()
    }
}

#[cfg(test)]
mod tests;
