//! Who is in a call's room, as its agent sees it: what can be recorded without LiveKit's webhooks.

use chrono::DateTime;
use livekit::DisconnectReason;
use livekit::participant::{LocalParticipant, RemoteParticipant};
use livekit::prelude::{Room, RoomEvent};
use sidetone_store::At;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Agents;
use super::found::caller_of;
use super::prepare::Call;
use super::spool::Writer;
use super::spool::entry::{Entry, SeenStay};
use crate::room::is_person;

/// Records who joins and leaves, until it is dropped; then the agent's own leaving is recorded, too.
pub(super) struct Witness {
    _gone: DropGuard,
}

/// What the agent sees of the room.
struct People {
    room_sid: Option<String>,
    opened_at: Option<At>,
    me: LocalParticipant,
    /// The call's row does not yet say who the caller is.
    wants_caller: bool,
}

impl Agents {
    /// Records who is in a call's room, in parallel with the call.
    pub(super) fn witness(&self, call: &Call<'_>) -> Witness {
        let gone = CancellationToken::new();
        let people = People::of(&call.room, call.unwritten.caller);
        // In this order, somebody who joins in between is seen twice, which is harmless.
        let events = call.room.subscribe();
        let there: Vec<_> = call.room.remote_participants().into_values().collect();
        let writer = Writer::new(self.store.clone(), self.spool.clone(), call.id);
        let row = call.unwritten.row.clone();
        tokio::spawn(people.note(row, there, events, writer, gone.clone()));
        Witness {
            _gone: gone.drop_guard(),
        }
    }
}

impl People {
    fn of(room: &Room, wants_caller: bool) -> Self {
        Self {
            room_sid: room.maybe_sid().map(|sid| sid.to_string()),
            opened_at: moment(room.creation_time()),
            me: room.local_participant(),
            wants_caller,
        }
    }

    async fn note(
        mut self,
        row: Option<Entry>,
        there: Vec<RemoteParticipant>,
        mut events: UnboundedReceiver<RoomEvent>,
        mut writer: Writer,
        gone: CancellationToken,
    ) {
        let mut mine = self.mine();
        // Since when the agent's own connection is down.
        let mut lost_at = None;
        // Without a row nothing is recorded.
        if let Some(row) = row {
            writer.take(row).await;
        }
        writer.take(self.seen(mine.clone())).await;
        for person in there.iter().filter(|person| is_person(person)) {
            writer.take(self.seen(stay_of(person, None))).await;
        }
        let gone = gone.cancelled();
        tokio::pin!(gone);
        loop {
            let next = async {
                tokio::select! {
                    () = &mut gone => None,
                    event = events.recv() => event,
                }
            };
            let stay = match writer.until(next).await {
                None => break,
                Some(RoomEvent::ParticipantConnected(person)) if is_person(&person) => {
                    if std::mem::take(&mut self.wants_caller) {
                        let caller_id = caller_of(&person);
                        writer.take(Entry::Caller { caller_id }).await;
                    }
                    stay_of(&person, None)
                }
                Some(RoomEvent::ParticipantDisconnected(person)) if has_left(&person) => {
                    stay_of(&person, Some(sidetone_store::now()))
                }
                Some(RoomEvent::Reconnecting) => {
                    lost_at.get_or_insert_with(sidetone_store::now);
                    continue;
                }
                Some(RoomEvent::Reconnected) => {
                    let lost_at = lost_at.take();
                    // A new connection counts as another stay.
                    if self.me.sid().as_str() == mine.sid {
                        continue;
                    }
                    mine.left_at = lost_at.or_else(|| Some(sidetone_store::now()));
                    writer.take(self.seen(mine)).await;
                    mine = self.mine();
                    mine.clone()
                }
                Some(_) => continue,
            };
            writer.take(self.seen(stay)).await;
        }
        // To everybody else, an agent that lost the room left it then.
        mine.left_at = lost_at.or_else(|| Some(sidetone_store::now()));
        writer.take(self.seen(mine)).await;
        writer.end().await;
    }

    fn mine(&self) -> SeenStay {
        SeenStay {
            sid: self.me.sid().to_string(),
            identity: self.me.identity().to_string(),
            name: self.me.name(),
            is_agent: true,
            joined_at: moment(self.me.joined_at()),
            left_at: None,
        }
    }

    fn seen(&self, stay: SeenStay) -> Entry {
        Entry::Seen {
            room_sid: self.room_sid.clone(),
            opened_at: self.opened_at,
            stay,
        }
    }
}

/// Whether the server says that somebody has left. LiveKit's client reports everybody as gone, without a reason, when
/// it renews the agent's own connection.
fn has_left(person: &RemoteParticipant) -> bool {
    let reason = DisconnectReason::from(person.disconnect_reason());
    is_person(person) && reason != DisconnectReason::UnknownReason
}

fn stay_of(person: &RemoteParticipant, left_at: Option<At>) -> SeenStay {
    SeenStay {
        sid: person.sid().to_string(),
        identity: person.identity().to_string(),
        name: person.name(),
        is_agent: false,
        joined_at: moment(person.joined_at()),
        left_at,
    }
}

/// `None` if the server gave no time.
fn moment(millis: i64) -> Option<At> {
    (millis > 0)
        .then(|| DateTime::from_timestamp_millis(millis))
        .flatten()
}
