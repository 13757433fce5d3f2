//! PURE. `routing.toml` in the folder of agents: which agent takes a call for which nobody has named one, by the
//! number that was dialled, the trunk it came through, or the room it is in.
//!
//! A route applies to a call if everything that it names matches. Of several routes the most specific one wins: the
//! longest number, then a named trunk, then the longest prefix of a room's name. So the order in the file has no
//! meaning, and a route that can never win is a mistake.

use std::collections::BTreeSet;

use super::problem::Problems;
use super::section::{Reader, Section, Source, Text, nearest};

/// The file's name; it lies among the agents' files, but is not an agent.
pub const ROUTING: &str = "routing.toml";

/// The numbers that a route is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Number {
    /// Exactly this number.
    Is(String),
    /// All numbers with this prefix.
    Begins(String),
}

/// What must match for a route to apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Conditions {
    number: Option<Number>,
    /// LiveKit's id of a SIP trunk.
    trunk: Option<String>,
    /// The prefix of the room's name.
    room: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Route {
    when: Conditions,
    agent: String,
}

/// All routes, the most specific first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    routes: Vec<Route>,
}

/// A call to route, as described by LiveKit's SIP service and whoever created the room.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrival<'a> {
    /// The number that was dialled. `None` if it is not a telephone call.
    pub number: Option<&'a str>,
    /// The trunk it came through.
    pub trunk: Option<&'a str>,
    /// The room's name, without any part that the caller may have chosen.
    pub room: &'a str,
}

impl Routing {
    /// Parses the text of `file`. `agents` are all agents that have a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(file: &str, text: &str, agents: &BTreeSet<String>) -> Result<Self, Problems> {
        let reader = Reader::default();
        let mut top = Section::parse(&reader, &[Source { file, text }]);
        let mut named = Vec::new();
        for (name, section) in top.each("routes") {
            let place = section.place();
            if let Some(route) = read_route(section, agents) {
                named.push((name, place, route));
            }
        }
        let all = || named.iter().map(|(name, _, route)| (name.as_str(), route));
        for (name, place, route) in &named {
            if let Some(why) = useless((name, route), all()) {
                top.complain(place, format!("routes.{name}: {why}"));
            }
        }
        top.finish();
        let mut routes: Vec<Route> = named.into_iter().map(|(_, _, route)| route).collect();
        Problems::check(reader.into_problems())?;
        routes.sort_by_key(|route| std::cmp::Reverse(route.when.rank()));
        Ok(Self { routes })
    }

    /// Whether there is no route.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// Whether any route depends on a telephone number or a trunk.
    pub fn speaks_of_telephones(&self) -> bool {
        let mut all = self.routes.iter().map(|route| &route.when);
        all.any(|when| when.number.is_some() || when.trunk.is_some())
    }

    /// The agent for a call. `None` if no route applies.
    pub fn agent(&self, call: Arrival<'_>) -> Option<&str> {
        let found = self.routes.iter().find(|route| route.when.hold(call));
        found.map(|route| route.agent.as_str())
    }
}

impl Conditions {
    fn hold(&self, call: Arrival<'_>) -> bool {
        let number = self.number.as_ref().is_none_or(|wanted| {
            call.number.is_some_and(|dialled| {
                let dialled = plain(dialled);
                match wanted {
                    Number::Is(number) => *number == dialled,
                    Number::Begins(start) => dialled.starts_with(start),
                }
            })
        });
        let trunk = (self.trunk.as_deref()).is_none_or(|wanted| call.trunk == Some(wanted));
        let room = (self.room.as_deref()).is_none_or(|start| call.room.starts_with(start));
        number && trunk && room
    }

    /// The greater, the more specific.
    fn rank(&self) -> (usize, bool, usize) {
        let number = match &self.number {
            None => 0,
            Some(Number::Begins(start)) => 2 * start.len() + 1,
            Some(Number::Is(number)) => 2 * number.len() + 2,
        };
        let room = self.room.as_ref().map_or(0, |start| start.len() + 1);
        (number, self.trunk.is_some(), room)
    }

    /// Whether these conditions match every call that the others match.
    fn cover(&self, other: &Self) -> bool {
        let number = match (&self.number, &other.number) {
            (None, _) => true,
            // Every telephone call has a dialled number.
            (Some(Number::Begins(all)), None) => all.is_empty() && other.trunk.is_some(),
            (Some(Number::Begins(start)), Some(Number::Begins(more) | Number::Is(more))) => {
                more.starts_with(start.as_str())
            }
            (Some(Number::Is(one)), Some(Number::Is(other))) => one == other,
            (Some(Number::Is(_)), None | Some(Number::Begins(_))) => false,
        };
        let trunk = self.trunk.is_none() || self.trunk == other.trunk;
        let room = (self.room.as_deref()).is_none_or(|start| {
            let other = other.room.as_deref();
            other.is_some_and(|other| other.starts_with(start))
        });
        number && trunk && room
    }
}

/// Reads one `[routes.…]`.
fn read_route(mut section: Section<'_>, agents: &BTreeSet<String>) -> Option<Route> {
    let number = section.text("number");
    let (trunk, room) = (section.text("trunk"), section.text("room"));
    let agent = section.text("agent");
    let number = match number.map(|text| read_number(&section, text)) {
        None => None,
        Some(Some(number)) => Some(number),
        Some(None) => {
            section.finish();
            return None;
        }
    };
    for (key, text) in [("trunk", &trunk), ("room", &room)] {
        if let Some(text) = text.as_ref().filter(|text| text.value.is_empty()) {
            let message = format!(
                "{} = \"\" must not be empty; leave it out",
                section.full(key)
            );
            section.complain(&text.place, message);
        }
    }
    let when = Conditions {
        number,
        trunk: trunk.map(|text| text.value),
        room: room.map(|text| text.value),
    };
    if when == Conditions::default() {
        section.complain_here(format!(
            "{} or another condition is missing: say for which number, trunk or room this route is",
            section.full("number")
        ));
    }
    let agent = match agent {
        None => {
            section.complain_here(format!(
                "{} is missing; name an agent",
                section.full("agent")
            ));
            None
        }
        Some(agent) if agents.contains(&agent.value) => Some(agent.value),
        Some(agent) => {
            let advice = match nearest(&agent.value, agents.iter().map(String::as_str)) {
                Some(known) => format!("did you mean \"{known}\"?"),
                None => {
                    let names: Vec<&str> = agents.iter().map(String::as_str).collect();
                    format!("there are {}", names.join(", "))
                }
            };
            let (key, name) = (section.full("agent"), &agent.value);
            section.complain(
                &agent.place,
                format!("{key} = {name:?}: no such agent; {advice}"),
            );
            None
        }
    };
    section.finish();
    agent.map(|agent| Route { when, agent })
}

fn read_number(section: &Section<'_>, text: Text<'_>) -> Option<Number> {
    let (start, begins) = match text.value.strip_suffix('*') {
        Some(start) => (start, true),
        None => (text.value.as_str(), false),
    };
    let number = plain(start);
    if start.contains('*') || (number.is_empty() && !begins) {
        let message = format!(
            "{} = {:?} must be a number, such as \"+4930123\", or the beginning of one, such as \"+4930*\"",
            section.full("number"),
            text.value
        );
        section.complain(&text.place, message);
        return None;
    }
    Some(match begins {
        true => Number::Begins(number),
        false => Number::Is(number),
    })
}

/// A number reduced to its digits; other SIP users, such as `sales`, unchanged.
fn plain(number: &str) -> String {
    let is_number = |sign: char| sign.is_ascii_digit() || "+ -./()".contains(sign);
    if !number.chars().all(is_number) {
        return number.to_owned();
    }
    number.chars().filter(char::is_ascii_digit).collect()
}

/// Why no call can ever take a route, because of one of `all`.
fn useless<'a>(
    (name, route): (&str, &Route),
    all: impl Iterator<Item = (&'a str, &'a Route)>,
) -> Option<String> {
    let when = &route.when;
    let mut others = all.filter(|(other, _)| *other != name);
    others.find_map(|(other, by)| {
        // Of two identical routes, the second is reported.
        if by.when == *when && other < name {
            return Some(format!(
                "routes.{other} is for the same calls; remove one of them"
            ));
        }
        let hides = by.when.cover(when) && by.when.rank() > when.rank();
        hides.then(|| {
            format!(
                "it is never used, because routes.{other} takes all its calls; remove one of them"
            )
        })
    })
}

#[cfg(test)]
mod tests;
