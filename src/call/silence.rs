//! Mutual silence: when the caller counts as away, and when the call is over. Pure.

use std::time::Instant;

use crate::config::agent::SilenceConfig;

/// What is to be done about a silence.
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
    /// Nobody speaks from now on, if somebody did before.
    pub fn goes_on(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// Somebody speaks, writes or works.
    pub fn broken(&mut self) {
        *self = Self::default();
    }

    /// What is to be done now; each thing once in a silence.
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

    /// When [`Silence::due`] has something.
    pub fn next(&self, rules: &SilenceConfig) -> Option<Instant> {
        let since = self.since?;
        let away = (!self.away && !rules.away_after.is_zero()).then(|| since + rules.away_after);
        let over =
            (!self.over && !rules.hang_up_after.is_zero()).then(|| since + rules.hang_up_after);
        away.into_iter().chain(over).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use std::time::Duration;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn away_then_over_each_once() {
        let rules = SilenceConfig {
            away_after: secs(15),
            hang_up_after: secs(60),
            ..SilenceConfig::default()
        };
        let zero = clock::now();
        let mut silence = Silence::default();
        assert_eq!(silence.next(&rules), None);
        silence.goes_on(zero);
        silence.goes_on(zero + secs(3));
        assert_eq!(silence.next(&rules), Some(zero + secs(15)));
        assert_eq!(silence.due(zero + secs(14), &rules), None);
        assert_eq!(silence.due(zero + secs(15), &rules), Some(Due::Away));
        assert_eq!(silence.due(zero + secs(16), &rules), None);
        assert_eq!(silence.due(zero + secs(60), &rules), Some(Due::HangUp));
        assert_eq!(silence.next(&rules), None);
        silence.broken();
        silence.goes_on(zero + secs(100));
        assert_eq!(silence.next(&rules), Some(zero + secs(115)));
    }

    #[test]
    fn nought_is_never() {
        let rules = SilenceConfig {
            away_after: secs(0),
            hang_up_after: secs(0),
            ..SilenceConfig::default()
        };
        let mut silence = Silence::default();
        silence.goes_on(clock::now());
        assert_eq!(silence.next(&rules), None);
    }
}
