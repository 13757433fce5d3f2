//! Drives a joined room for a call: finds the caller, passes sound, events and commands.

use livekit::prelude::{Room, RoomEvent as LkEvent};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::asked::answer_rpc;
use super::publish::Publisher;
use super::voice::VoiceTrack;
use super::watch::Watch;
use sidetone_base::signed::Inbox;
use sidetone_base::tap::Tap;
use sidetone_call::transport::{Dismissal, RoomDriver};

/// The name that LiveKit's own agents give their track; clients look for it.
const TRACK_NAME: &str = "roomio_audio";

/// Drives `room` until the call says `Leave` (or drops its ends) or the room is over. The caller
/// of this function still has the room to close: a job's end is reported before it leaves. What
/// is heard and said also goes into `tap`; `inbox` knows the control plane's word from others'.
///
/// # Errors
/// When our voice cannot be published.
pub async fn drive(
    room: &Room,
    events: UnboundedReceiver<LkEvent>,
    driver: RoomDriver,
    tap: Tap,
    dismissal: Dismissal,
    inbox: Inbox,
) -> Result<(), super::JoinError> {
    let voice = VoiceTrack::publish(room, TRACK_NAME).await?;
    let RoomDriver {
        mic,
        events: to_call,
        mut speaker,
        commands,
    } = driver;
    let publisher = Publisher::new(room.local_participant(), voice.track_sid());
    answer_rpc(room, &publisher.callers(), &to_call);
    let mut tasks = JoinSet::new();
    let said = tap.clone();
    tasks.spawn(async move {
        while let Some(frame) = speaker.recv().await {
            said.agent(&frame);
            voice.play(&frame).await;
        }
    });
    let watch = Watch::new(room, to_call, mic, publisher.seeing(), tap, inbox, tasks);
    tokio::select! {
        () = publisher.carry_out(commands) => {}
        () = watch.run(events, dismissal) => {}
    }
    Ok(())
}
