//! Drives a joined room for a call: finds the caller, passes sound, events and commands.

use std::sync::Arc;

use livekit::prelude::{Room, RoomEvent as LkEvent};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::asked::answer_rpc;
use super::desk::Desk;
use super::overheard::Overheard;
use super::publish::Publisher;
use super::quality::Quality;
use super::secrecy::Keyring;
use super::speech::Speech;
use super::standing::{Floor, Standing};
use super::voice::VoiceTrack;
use super::watch::{Link, Orders, Secrecy, Voice, Watch};
use sidetone_base::signed::Inbox;
use sidetone_base::tap::Tap;
use sidetone_call::holding::Holding;
use sidetone_call::transport::{Dismissal, RoomDriver};
use sidetone_config::agent::VadConfig;
use sidetone_config::encryption::Encryption;

/// The name that LiveKit's own agents give their track; clients look for it.
const TRACK_NAME: &str = "roomio_audio";

/// Who has sent an agent, and how that is known in the room.
pub struct Commission {
    /// LiveKit's id of the dispatch: orders are for the agent of one.
    pub dispatch_id: String,
    /// Tells the control plane's word from others'.
    pub inbox: Inbox,
    /// Tells whether an agent that was away is still the room's own; until it has, nothing is said.
    pub standing: Option<Arc<dyn Standing>>,
    /// The keys that the room was joined with.
    pub encryption: Option<Encryption>,
    /// The sound that its caller hears while it thinks.
    pub holding: Option<Holding>,
    /// Learns what the call's sound goes through.
    pub quality: Quality,
    /// The agent calls a telephone, which is in the room while it rings.
    pub is_dialled: bool,
    /// The agent hears everybody in the room: how their voices are judged. None: it hears its caller alone.
    pub several: Option<VadConfig>,
    /// What the caller did while another agent held the call, which has handed it over.
    pub overheard: Option<Overheard>,
}

/// Drives `room` until the call says `Leave` (or drops its ends) or the room is over. The caller
/// of this function still has the room to close: a job's end is reported before it leaves. What
/// is heard and said also goes into `tap`.
///
/// # Errors
/// When our voice cannot be published.
pub async fn drive(
    room: &Room,
    events: UnboundedReceiver<LkEvent>,
    driver: RoomDriver,
    tap: Tap,
    dismissal: Dismissal,
    commission: Commission,
) -> Result<(), super::JoinError> {
    let voice = VoiceTrack::publish(room, TRACK_NAME).await?;
    let RoomDriver {
        mic,
        events: to_call,
        speaker,
        commands,
    } = driver;
    let publisher = {
        let is_encrypted = commission.encryption.is_some();
        Publisher::new(room.local_participant(), voice.track_sid(), is_encrypted)
    };
    answer_rpc(room, &publisher.callers(), &to_call);
    let desk = Desk::default();
    desk.open(room, commission.inbox.clone(), &to_call);
    let mut tasks = JoinSet::new();
    let said = tap.clone();
    let mut speech = Speech::new(speaker, publisher.states(), commission.holding);
    let (grants, mut floor) = Floor::of(room);
    let (secrecy, mut may_speak) = Secrecy::new(Keyring::of(room, commission.encryption.as_ref()));
    tasks.spawn(async move {
        while let Some(next) = speech.next().await {
            floor.is_ours().await;
            // A caller who encrypts is not answered in the clear: then nothing more is heard, nor counted so.
            let known = may_speak.wait_for(|voice| *voice != Voice::Waits).await;
            if !known.is_ok_and(|voice| *voice == Voice::Open) {
                std::future::pending::<()>().await;
            }
            if let Some(frame) = &next {
                said.agent(frame);
            }
            voice.play(&speech.mixed(next)).await;
        }
    });
    let link = Link::new(commission.standing, grants);
    let orders = Orders::new(commission.dispatch_id, commission.inbox);
    let seeing = publisher.seeing();
    let watch = Watch::new(room, (to_call, mic), seeing, link, tap, orders, secrecy)
        .dialled(commission.is_dialled)
        .several(commission.several)
        .after(commission.overheard);
    tokio::select! {
        () = publisher.carry_out(commands, desk) => {}
        () = watch.run(events, dismissal, &commission.quality) => {}
    }
    Ok(())
}
