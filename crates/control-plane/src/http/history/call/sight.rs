//! How much of a call somebody may see. PURE.
//! The user who made a call sees all of it, and so does the other one of two users who talk. A user who joined a call
//! in progress (a conference, or one transferred by an agent) sees what happened while they were there: earlier words
//! were not meant for them.

use std::fmt::Write as _;

use super::CallDetail;
use crate::http::auth::Principal;
use sidetone_store::participants::Participant;
use sidetone_store::{At, Call};

/// How much of a call somebody may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) enum Sight {
    /// All of it.
    Whole,
    /// What happened during these stays: from, and until when, if they have left.
    During(Vec<(At, Option<At>)>),
}

impl Sight {
    /// What this user may see. `None` if they have no part in the call.
    pub(super) fn of(
        principal: &Principal,
        call: &Call,
        participants: &[Participant],
    ) -> Option<Self> {
        if principal.sees_all() {
            return Some(Self::Whole);
        }
        let me = principal.user_id()?;
        if call.is_of(me) {
            return Some(Self::Whole);
        }
        let is_callee = call.callee_id.as_deref() == Some(me);
        let mine = participants.iter().filter(|one| one.user_id == me);
        let stays: Vec<_> = mine
            .filter_map(|one| Some((one.joined_at?, one.left_at)))
            .collect();
        (is_callee || !stays.is_empty()).then_some(Self::During(stays))
    }

    fn sees(&self, at: At) -> bool {
        match self {
            Self::Whole => true,
            Self::During(stays) => stays
                .iter()
                .any(|(from, to)| *from <= at && to.is_none_or(|to| at <= to)),
        }
    }

    /// Whether somebody who was there from `from` to `to` was met.
    fn meets(&self, from: Option<At>, to: Option<At>) -> bool {
        match self {
            Self::Whole => true,
            Self::During(stays) => stays.iter().any(|(mine, left)| {
                to.is_none_or(|to| *mine <= to)
                    && from.is_some_and(|from| left.is_none_or(|left| from <= left))
            }),
        }
    }
}

impl CallDetail {
    /// The part of it that may be seen.
    pub(super) fn seen(mut self, sight: &Sight) -> Self {
        if *sight == Sight::Whole {
            return self;
        }
        self.turns.retain(|turn| sight.sees(turn.started_at));
        self.transcript = (!self.turns.is_empty()).then(|| {
            let mut text = String::new();
            for turn in &self.turns {
                let line = if text.is_empty() { "" } else { "\n" };
                let who = turn.participant_name.as_ref().unwrap_or(&turn.speaker);
                let _ = write!(text, "{line}{who}: {}", turn.text);
            }
            text
        });
        self.tools.retain(|tool| sight.sees(tool.started_at));
        self.errors.retain(|error| sight.sees(error.at));
        self.participants
            .retain(|one| sight.meets(one.joined_at, one.left_at));
        // These concern the whole call, as does what a backend stored with it.
        self.recordings.clear();
        self.call = self.call.in_part();
        (self.result, self.result_error, self.webhook) = (None, None, None);
        (self.usage, self.ledger, self.media) = (None, None, None);
        self
    }
}
