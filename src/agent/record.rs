//! Writes a call's events down as they happen: [`notes`] says what there is to write (PURE), the
//! [spool](super::spool) sees that it reaches the database.

pub mod counted;
mod notes;
pub mod traced;

use tokio::sync::mpsc;
use uuid::Uuid;

use super::spool::{Asking, Entry, Spool, Writer};
use sidetone_base::clock;
use sidetone_call::CallEvent;
use sidetone_store::Store;

use counted::Counted;
pub use notes::Notes;
pub use traced::Traced;

/// Entries on their way to the record that are no events of the conversation; what does not fit is lost.
const BESIDE: usize = 64;

/// Takes what is to be written down of a call beside its conversation.
pub type Beside = mpsc::Sender<Entry>;

/// The way to a record that has not begun.
pub fn beside() -> (Beside, mpsc::Receiver<Entry>) {
    mpsc::channel(BESIDE)
}

/// Whose part of a call is written down.
pub struct Part<'a> {
    /// Part of each id: an agent that replaces a dead one counts from the start again and must not write
    /// over what the first has written.
    pub job: &'a str,
    /// By whose file the call is held.
    pub agent: &'a str,
    /// What the agent has come for, if that is counted.
    pub asking: Option<Asking>,
    /// The agent calls a telephone: that it was answered is worth a note.
    pub is_dialled: bool,
}

/// Writes down the events of `call_id`, and what comes `beside` them, until the call has ended; `traced` makes
/// spans of them. The notes
/// that it gives back know all events; the writer may still be writing, and is the caller's to end.
pub async fn record(
    store: Store,
    spool: Spool,
    call_id: Uuid,
    part: Part<'_>,
    mut events: mpsc::Receiver<CallEvent>,
    mut beside: mpsc::Receiver<Entry>,
    mut traced: Traced,
) -> (Notes, Writer) {
    let mut counted = Counted::new(part.agent);
    let mut notes = Notes::new(part.job, clock::wall())
        .of(part.asking)
        .dialled(part.is_dialled);
    let mut writer = Writer::new(store, spool, call_id);
    loop {
        let next = async {
            tokio::select! {
                biased;
                Some(entry) = beside.recv() => Next::Entry(entry),
                event = events.recv() => event.map_or(Next::End, Next::Event),
            }
        };
        let event = match writer.until(next).await {
            Next::Event(event) => event,
            Next::Entry(entry) => {
                writer.take(entry).await;
                continue;
            }
            Next::End => break,
        };
        counted.take(&event);
        traced.take(&event);
        // Whoever waits for it goes on when the entry is on disk.
        let _receipt = match &event {
            CallEvent::ToolStarted(_, receipt) => Some(receipt.clone()),
            _ => None,
        };
        match &event {
            CallEvent::Error { stage, message, .. } => {
                let stage = stage.as_str();
                tracing::warn!(%call_id, stage, message, "a stage of the call failed");
            }
            CallEvent::Ended { reason, .. } => {
                tracing::info!(%call_id, reason = reason.as_str(), "the call ended");
            }
            _ => {}
        }
        if let Some(entry) = notes.take(event) {
            writer.take(entry).await;
        }
    }
    traced.over();
    while let Ok(entry) = beside.try_recv() {
        writer.take(entry).await;
    }
    (notes, writer)
}

/// What comes next to a record.
enum Next {
    Event(CallEvent),
    Entry(Entry),
    End,
}

/// Leaves an entry to be written later: the database has just not answered.
pub async fn leave(store: &Store, spool: &Spool, call_id: Uuid, entry: Entry) {
    let mut writer = Writer::new(store.clone(), spool.clone(), call_id);
    writer.take(entry).await;
    writer.leave().await;
}

/// Writes down what there is to write once the call is over.
pub async fn write(
    store: &Store,
    spool: &Spool,
    call_id: Uuid,
    entries: impl IntoIterator<Item = Entry>,
) {
    let mut writer = Writer::new(store.clone(), spool.clone(), call_id);
    for entry in entries {
        writer.take(entry).await;
    }
    writer.end().await;
}
