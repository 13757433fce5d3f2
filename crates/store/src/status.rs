//! The life of a call, PURE: facts go in, in any order, some doubled and some lost; status, times and durations come
//! out.
//!
//! Facts merge by minimum and maximum, so merging is commutative, associative and idempotent, and the status is a
//! function of what is known: the order of webhooks cannot matter.

use chrono::{DateTime, Utc};
use sidetone_base::text_enum;

/// A point on the wall clock.
pub type At = DateTime<Utc>;

text_enum! {
    /// The status of a call.
    CallStatus {
        /// A token was issued; nobody has joined.
        Pending = "pending",
        /// Somebody is waiting for the other side.
        Ringing = "ringing",
        /// Both sides are, or were, in the room together.
        Connected = "connected",
        /// Over, after both sides had met.
        Completed = "completed",
        /// Over, and nobody answered.
        Missed = "missed",
        /// Over, because something broke; the reason is stored.
        Failed = "failed",
    }
}

text_enum! {
    /// Who talks with whom.
    CallType {
        /// A person and an agent.
        Support = "support",
        /// Two people.
        UserToUser = "user-to-user",
        /// Anyone who knows the room.
        Conference = "conference",
    }
}

impl CallType {
    /// The type of a call, by its room's name: names with the prefix that Sidetone gives a type (`user-to-user-…`) are
    /// of that type, all others are calls of a person with an agent.
    pub fn of_room(name: &str) -> Self {
        let begins = |kind: &&Self| {
            let rest = name.strip_prefix(kind.as_str());
            rest.is_some_and(|rest| rest.starts_with('-'))
        };
        let kind = Self::ALL.iter().find(begins);
        *kind.unwrap_or(&Self::Support)
    }
}

text_enum! {
    /// What a participant is.
    ParticipantKind {
        /// A person, by browser, app or telephone.
        User = "user",
        /// An agent.
        Agent = "agent",
        /// A recorder or an ingress, which is not a party to the call.
        Other = "other",
    }
}

/// One stay of one participant in the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// LiveKit's id of this stay (`PA_…`), which is new after each join.
    pub sid: String,
    /// The participant's identity.
    pub user_id: String,
    /// The display name.
    pub name: String,
    /// Person or agent.
    pub kind: ParticipantKind,
    /// When they joined, if known.
    pub joined_at: Option<At>,
    /// When they left, if they have.
    pub left_at: Option<At>,
    /// The latest known mute state, and when it was set.
    pub muted: Option<(At, bool)>,
}

/// Something that has become known about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// LiveKit opened the room.
    RoomStarted(At),
    /// A participant joined, left, or was muted; unknown parts are left out.
    Seen(Stay),
    /// LiveKit closed the room.
    RoomFinished(At),
    /// The agent ended the call, or everybody has left it.
    Over {
        /// When.
        at: At,
        /// Whether somebody hung up: whoever comes back then wants another call.
        hung_up: bool,
    },
    /// Somebody came back to a call that was over, and it goes on: whatever ended it before does not count. It is
    /// learned under the lock of a call that is over, so before anything is known of its second part, and it counts as
    /// later than that end even if the end came from a machine whose clock is ahead.
    Resumed(At),
    /// The call cannot go on, with the reason for an operator.
    Failed(At, String),
}

/// Whether an agent dials a telephone. The agent is in the room while it rings, but nobody has met until it is
/// answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialled {
    /// Somebody has called; nothing is dialled.
    #[default]
    No,
    /// It has not been answered, or never was.
    Rings,
    /// Answered at this time.
    Answered(At),
}

/// Everything that is known about a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// When the room was first known to exist.
    pub started_at: Option<At>,
    /// When the room was closed.
    pub finished_at: Option<At>,
    /// When the agent ended the call, and whether somebody hung up.
    pub over: Option<(At, bool)>,
    /// When the call last resumed after it was over.
    pub resumed_at: Option<At>,
    /// The first failure and its reason.
    pub failure: Option<(At, String)>,
    /// Whether an agent makes the call, and its progress.
    pub dialled: Dialled,
    /// Stays, sorted by sid.
    pub stays: Vec<Stay>,
}

/// What follows from the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// The call's status.
    pub status: CallStatus,
    /// When both sides were first in the room together.
    pub connected_at: Option<At>,
    /// When it ended.
    pub ended_at: Option<At>,
    /// From `connected_at` to `ended_at`, whole seconds.
    pub duration_seconds: Option<i32>,
    /// Why it failed, if it did.
    pub failure_reason: Option<String>,
}

fn earlier(a: Option<At>, b: Option<At>) -> Option<At> {
    a.into_iter().chain(b).min()
}

fn later(a: Option<At>, b: Option<At>) -> Option<At> {
    a.into_iter().chain(b).max()
}

/// Whole seconds from `from` to `to`, at least 0.
pub fn seconds_between(from: At, to: At) -> i32 {
    (to - from).num_seconds().clamp(0, i64::from(i32::MAX)) as i32
}

impl Facts {
    /// Merges a fact.
    pub fn learn(&mut self, fact: Fact) {
        match fact {
            Fact::RoomStarted(at) => self.started_at = earlier(self.started_at, Some(at)),
            Fact::Resumed(at) => {
                self.end_agents();
                let failed = self.failure.as_ref().map(|(end, _)| *end);
                let ends = [self.finished_at, self.over.map(|(end, _)| end), failed];
                self.resumed_at = ends.into_iter().fold(Some(at), later).max(self.resumed_at);
                self.finished_at = self.finished_at.filter(|end| !self.is_past(*end));
                self.over = self.over.filter(|(end, _)| !self.is_past(*end));
                let failure = self.failure.take();
                self.failure = failure.filter(|(end, _)| !self.is_past(*end));
            }
            Fact::RoomFinished(at) | Fact::Over { at, .. } | Fact::Failed(at, _)
                if self.is_past(at) => {}
            Fact::RoomFinished(at) => self.finished_at = earlier(self.finished_at, Some(at)),
            Fact::Over { at, hung_up } => {
                let (known, purpose) = self.over.unwrap_or((at, false));
                self.over = Some((known.min(at), purpose || hung_up));
            }
            Fact::Failed(at, reason) => {
                let new = (at, reason);
                let old = self.failure.take();
                self.failure = old.into_iter().chain([new]).min();
            }
            Fact::Seen(stay) => {
                match self
                    .stays
                    .binary_search_by(|known| known.sid.cmp(&stay.sid))
                {
                    Ok(found) => self.stays[found].merge(stay),
                    Err(place) => self.stays.insert(place, stay),
                }
            }
        }
    }

    /// Computes what follows from the facts.
    pub fn derive(&self, call_type: CallType) -> Derived {
        let connected_at = self.connected_at();
        let failure = self.failure();
        let ended_at = match (self.closed_at(), failure) {
            (Some(closed), _) => Some(self.last_party_left(closed).unwrap_or(closed)),
            (None, Some((at, _))) => Some(*at),
            (None, None) => None,
        };
        // A clock that went backwards must not give a negative duration.
        let ended_at = later(ended_at, ended_at.and(connected_at));
        let nobody_answered = call_type == CallType::Support
            && self.dialled == Dialled::No
            && self
                .stays
                .iter()
                .any(|stay| stay.kind == ParticipantKind::User);
        let (status, reason) = match (ended_at, failure, connected_at) {
            (_, Some((_, reason)), _) => (CallStatus::Failed, Some(reason.clone())),
            (Some(_), None, Some(_)) => (CallStatus::Completed, None),
            (Some(_), None, None) if nobody_answered => (
                CallStatus::Failed,
                Some("no agent joined the room".to_owned()),
            ),
            (Some(_), None, None) => (CallStatus::Missed, None),
            (None, None, Some(_)) => (CallStatus::Connected, None),
            (None, None, None) if self.parties().next().is_some() => (CallStatus::Ringing, None),
            (None, None, None) => (CallStatus::Pending, None),
        };
        Derived {
            status,
            connected_at,
            ended_at,
            duration_seconds: connected_at
                .zip(ended_at)
                .map(|(connected, ended)| seconds_between(connected, ended)),
            failure_reason: reason,
        }
    }

    /// Whether this end came before the call resumed.
    fn is_past(&self, end: At) -> bool {
        self.resumed_at.is_some_and(|resumed| end <= resumed)
    }

    /// When the call was closed: by its agent or with its room, whichever came first.
    fn closed_at(&self) -> Option<At> {
        earlier(self.finished_at, self.over.map(|(at, _)| at))
    }

    fn parties(&self) -> impl Iterator<Item = &Stay> {
        self.stays
            .iter()
            .filter(|stay| stay.kind != ParticipantKind::Other)
    }

    /// The first moment at which two of the parties were in the room together. Two agents do not make a call.
    fn connected_at(&self) -> Option<At> {
        let parties: Vec<&Stay> = self.parties().collect();
        let pairs = parties.iter().enumerate().flat_map(|(n, one)| {
            parties[n + 1..].iter().filter_map(move |two| {
                let different = one.user_id != two.user_id
                    && (one.kind == ParticipantKind::User || two.kind == ParticipantKind::User);
                let met = one.joined_at?.max(two.joined_at?);
                let parted = earlier(one.left_at, two.left_at);
                (different && parted.is_none_or(|parted| met <= parted)).then_some(met)
            })
        });
        let met = pairs.min();
        match self.dialled {
            Dialled::No => met,
            Dialled::Rings => None,
            Dialled::Answered(at) => met.map(|met| met.max(at)),
        }
    }

    /// When the last person left, if all have left: the call is closed some time after that.
    fn last_party_left(&self, closed: At) -> Option<At> {
        let mut people = self
            .stays
            .iter()
            .filter(|stay| stay.kind == ParticipantKind::User);
        let last = people.try_fold(None, |last, stay| Some(later(last, Some(stay.left_at?))))??;
        Some(last.min(closed))
    }

    /// The failure, unless both sides met after it.
    fn failure(&self) -> Option<&(At, String)> {
        let connected_at = self.connected_at();
        let failure = self.failure.as_ref();
        failure.filter(|(at, _)| connected_at.is_none_or(|connected| connected <= *at))
    }

    /// When a stay ended: when the participant left, or else with the call.
    pub fn left_at(&self, stay: &Stay) -> Option<At> {
        let over_at = self.closed_at().or(self.failure().map(|(at, _)| *at));
        stay.left_at.or(later(over_at, over_at.and(stay.joined_at)))
    }

    /// The agents of a call that was over have left by its end. People may have stayed.
    fn end_agents(&mut self) {
        let Some(closed) = self.closed_at() else {
            return;
        };
        for stay in &mut self.stays {
            let is_past = stay.joined_at.is_none_or(|joined| joined <= closed);
            if stay.kind == ParticipantKind::Agent && is_past {
                stay.left_at.get_or_insert(closed);
            }
        }
    }
}

impl Stay {
    fn merge(&mut self, other: Self) {
        self.joined_at = earlier(self.joined_at, other.joined_at);
        self.left_at = later(self.left_at, other.left_at);
        self.muted = self.muted.into_iter().chain(other.muted).max();
        self.name = std::mem::take(&mut self.name).max(other.name);
        self.user_id = std::mem::take(&mut self.user_id).max(other.user_id);
        self.kind = self.kind.min(other.kind);
    }
}

#[cfg(test)]
mod tests;
