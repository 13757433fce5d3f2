//! The life of a call, pure: facts go in, in any order, doubled or with some lost; status, times
//! and durations come out.
//!
//! Facts merge by minimum and maximum, so merging is commutative, associative and idempotent, and
//! status is a function of what is known: the order of webhooks cannot matter.

use chrono::{DateTime, Utc};
use sidetone_base::text_enum;

/// A point on the wall clock.
pub type At = DateTime<Utc>;

text_enum! {
    /// Where a call is in its life.
    CallStatus {
        /// A token was given; nobody is there.
        Pending = "pending",
        /// Somebody waits for the other side.
        Ringing = "ringing",
        /// Both sides are, or were, there at once.
        Connected = "connected",
        /// Over, after both sides had met.
        Completed = "completed",
        /// Over, and nobody answered.
        Missed = "missed",
        /// Over, because something broke; the reason is kept.
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
    /// The type of a room's call by its name: those that begin as the rooms that Sidetone makes are of that
    /// type, all others are a person's with an agent.
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
        /// A recorder or an ingress: not a party to the call.
        Other = "other",
    }
}

/// One stay of one participant in the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// LiveKit's id of this stay (`PA_…`): another one after each join.
    pub sid: String,
    /// The participant's identity.
    pub user_id: String,
    /// The name shown to others.
    pub name: String,
    /// Person or agent.
    pub kind: ParticipantKind,
    /// When it came, if known.
    pub joined_at: Option<At>,
    /// When it went, if it has.
    pub left_at: Option<At>,
    /// The last word on muting.
    pub muted: Option<(At, bool)>,
}

/// Something that is now known of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// LiveKit opened the room.
    RoomStarted(At),
    /// A participant came, went, or was muted; what is not known is left out.
    Seen(Stay),
    /// LiveKit closed the room.
    RoomFinished(At),
    /// The call's agent ended it; or everybody has left it.
    Over {
        /// When.
        at: At,
        /// Somebody hung up: who comes back wants another call.
        hung_up: bool,
    },
    /// Somebody came back to a call that was over, and it goes on: what ended it before does not count.
    /// Learned under the lock of a call that is over, so before anything is known of its second part. It counts
    /// as later than that end even where the end came from a machine whose clock is ahead.
    Resumed(At),
    /// The call cannot go on, with the reason an operator reads.
    Failed(At, String),
}

/// Whether an agent calls a telephone. It is in the room while it rings; nobody has met until it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialled {
    /// Somebody has called.
    #[default]
    No,
    /// It is not answered, or never was.
    Rings,
    /// Since then.
    Answered(At),
}

/// All that is known of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// First sign of the room.
    pub started_at: Option<At>,
    /// Close of the room.
    pub finished_at: Option<At>,
    /// The agent's word that it is over, and whether somebody hung up.
    pub over: Option<(At, bool)>,
    /// It was over, and goes on since.
    pub resumed_at: Option<At>,
    /// First failure and its reason.
    pub failure: Option<(At, String)>,
    /// Whether it is an agent who calls.
    pub dialled: Dialled,
    /// Stays, sorted by sid.
    pub stays: Vec<Stay>,
}

/// What follows from the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// Where the call is.
    pub status: CallStatus,
    /// When both sides first were there at once.
    pub connected_at: Option<At>,
    /// When it ended.
    pub ended_at: Option<At>,
    /// From `connected_at` to `ended_at`, whole seconds.
    pub duration_seconds: Option<i32>,
    /// Why it failed, when it did.
    pub failure_reason: Option<String>,
}

fn earlier(a: Option<At>, b: Option<At>) -> Option<At> {
    a.into_iter().chain(b).min()
}

fn later(a: Option<At>, b: Option<At>) -> Option<At> {
    a.into_iter().chain(b).max()
}

/// Whole seconds from `from` to `to`, none before the start.
pub fn seconds_between(from: At, to: At) -> i32 {
    (to - from).num_seconds().clamp(0, i64::from(i32::MAX)) as i32
}

impl Facts {
    /// Takes a fact in.
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

    /// What follows.
    pub fn derive(&self, call_type: CallType) -> Derived {
        let connected_at = self.connected_at();
        let failure = self.failure();
        let ended_at = match (self.closed_at(), failure) {
            (Some(closed), _) => Some(self.last_party_left(closed).unwrap_or(closed)),
            (None, Some((at, _))) => Some(*at),
            (None, None) => None,
        };
        // A clock that went backwards must not give a negative talk.
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

    /// It ended something that the call has outlived.
    fn is_past(&self, end: At) -> bool {
        self.resumed_at.is_some_and(|resumed| end <= resumed)
    }

    /// When the call was closed: by its agent's word or with its room, whichever came first.
    fn closed_at(&self) -> Option<At> {
        earlier(self.finished_at, self.over.map(|(at, _)| at))
    }

    fn parties(&self) -> impl Iterator<Item = &Stay> {
        self.stays
            .iter()
            .filter(|stay| stay.kind != ParticipantKind::Other)
    }

    /// The first moment two of the parties were there at once. Two agents make no call.
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

    /// When the last person went, if all have gone: the call is closed some time after.
    fn last_party_left(&self, closed: At) -> Option<At> {
        let mut people = self
            .stays
            .iter()
            .filter(|stay| stay.kind == ParticipantKind::User);
        let last = people.try_fold(None, |last, stay| Some(later(last, Some(stay.left_at?))))??;
        Some(last.min(closed))
    }

    /// The failure, unless both sides met after all.
    fn failure(&self) -> Option<&(At, String)> {
        let connected_at = self.connected_at();
        let failure = self.failure.as_ref();
        failure.filter(|(at, _)| connected_at.is_none_or(|connected| connected <= *at))
    }

    /// When a stay ended: its own leave, else the end of the call.
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
