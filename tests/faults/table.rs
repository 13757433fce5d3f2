//! The findings as a Markdown table. PURE.

use std::fmt::Write as _;
use std::time::Duration;

use super::fault::Fault;
use super::judge::Found;

/// The outcome of one fault.
pub struct Outcome {
    pub fault: Fault,
    pub callers: Vec<Found>,
    /// Findings that no single caller can know.
    pub beside: Vec<String>,
}

pub const HEAD: &str = "\
| fault | alone | longest silence: median, worst | greeted again | two voices | said again | forgot | \
asked again | lost | rows false | rows true after |
|---|---|---|---|---|---|---|---|---|---|---|";

impl Outcome {
    pub fn row(&self) -> String {
        let callers = &self.callers;
        let how_many =
            |is: &dyn Fn(&Found) -> bool| callers.iter().filter(|found| is(found)).count();
        let sum = |of: &dyn Fn(&Found) -> usize| callers.iter().map(of).sum::<usize>();
        let mut silences: Vec<Duration> = callers.iter().map(|found| found.silence).collect();
        silences.sort_unstable();
        let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        let middle = silences
            .get(silences.len() / 2)
            .copied()
            .unwrap_or_default();
        let worst = silences.last().copied().unwrap_or_default();
        let settled: Option<Vec<Duration>> = callers.iter().map(|found| found.settled).collect();
        let settled = settled.and_then(|all| all.into_iter().max());
        let cells = [
            self.fault.title().to_owned(),
            how_many(&|found| found.alone).to_string(),
            format!("{}, {}", seconds(middle), seconds(worst)),
            how_many(&|found| found.greeted_again > 0).to_string(),
            how_many(&|found| !found.two_voices.is_zero()).to_string(),
            sum(&|found| found.answered_again).to_string(),
            how_many(&|found| found.forgot > 0).to_string(),
            sum(&|found| found.asked_again).to_string(),
            sum(&|found| found.lost.len()).to_string(),
            (how_many(&|found| !found.untrue.is_empty()) + self.beside.len()).to_string(),
            settled.map_or_else(|| "–".to_owned(), seconds),
        ];
        format!("| {} |", cells.join(" | "))
    }

    /// Broken promises, one line each.
    pub fn broken(&self) -> Vec<String> {
        let callers = self.callers.iter().enumerate();
        let of_callers = callers.flat_map(|(n, found)| {
            let broken = found.broken().into_iter();
            broken.map(move |what| format!("caller {n}: {what}"))
        });
        let callers = self.callers.iter().enumerate();
        let noticed = callers
            .filter(|_| self.fault.is_unnoticed())
            .flat_map(|(n, found)| {
                let noticed = found.noticed().into_iter();
                noticed.map(move |what| format!("caller {n} was not to notice: {what}"))
            });
        of_callers
            .chain(noticed)
            .chain(self.beside.iter().cloned())
            .collect()
    }

    /// The same, prefixed with the fault's name.
    pub fn told(&self) -> String {
        let mut told = String::new();
        for line in self.broken() {
            let _ = writeln!(told, "{}: {line}", self.fault.name());
        }
        told
    }
}
