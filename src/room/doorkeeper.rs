//! Guards each data channel of the calls' rooms: LiveKit's client sees only what [`Gate`] lets pass.

use std::time::{Duration, Instant};

use livekit::webrtc::data_channel::{DataBuffer, Doorkeeper, OpenedDoorkeeper, keep_opened};

use sidetone_base::clock;
use sidetone_intake::budget::{Bucket, Budget};
use sidetone_intake::gate::{Gate, Refused};

/// The channel of LiveKit's data tracks, to which nothing here subscribes.
const DATA_TRACKS: &str = "_data_track";
/// The channel for what may get lost.
const LOSSY: &str = "_lossy";
/// Limits log lines about rejected packets, however many a sender produces.
const NOTES: Budget = Budget::every(3, Duration::from_secs(20));

/// From now on, guards the contents of encrypted packets, too.
pub(super) fn keep_what_is_opened() {
    keep_opened(|| Box::new(Keeper::new(Gate::default())));
}

/// Guards a channel of a room.
pub(super) fn of_calls(label: &str) -> Box<dyn Doorkeeper> {
    of_channel(label, Gate::default())
}

/// Guards a channel of a room of encrypted calls.
pub(super) fn of_encrypted_calls(label: &str) -> Box<dyn Doorkeeper> {
    of_channel(label, Gate::of_encrypted_calls())
}

fn of_channel(label: &str, gate: Gate) -> Box<dyn Doorkeeper> {
    match label {
        DATA_TRACKS => Box::new(Closed),
        LOSSY => Box::new(Keeper::new(gate.lossy())),
        _ => Box::new(Keeper::new(gate)),
    }
}

/// Lets nothing in.
struct Closed;

impl Doorkeeper for Closed {
    fn message(&mut self, _: DataBuffer<'_>, _: &mut dyn FnMut(DataBuffer<'_>)) {}
}

struct Keeper {
    gate: Gate,
    notes: Bucket,
    /// Rejected since the last log line.
    refused: u64,
}

impl Doorkeeper for Keeper {
    fn message(&mut self, message: DataBuffer<'_>, deliver: &mut dyn FnMut(DataBuffer<'_>)) {
        let now = clock::now();
        let deliver = |data: &[u8]| deliver(DataBuffer { data, binary: true });
        let passed = match message.binary {
            true => self.gate.packet(now, message.data, deliver),
            // LiveKit's packets are all binary.
            false => Err(Refused::NotAPacket),
        };
        if let Err(why) = passed {
            self.note(now, why);
        }
    }
}

impl OpenedDoorkeeper for Keeper {
    fn opened(&mut self, sender: &str, packet: Vec<u8>) -> Option<Vec<u8>> {
        let now = clock::now();
        let passed = self.gate.opened(now, sender, packet);
        passed.inspect_err(|why| self.note(now, *why)).ok()
    }
}

impl Keeper {
    fn new(gate: Gate) -> Self {
        Self {
            gate,
            notes: Bucket::full(NOTES),
            refused: 0,
        }
    }

    fn note(&mut self, now: Instant, why: Refused) {
        self.refused += 1;
        if self.notes.take(now, 1) {
            let packets = std::mem::take(&mut self.refused);
            tracing::warn!(
                packets,
                "data packets of participants were dropped: of the last one, {why}"
            );
        }
    }
}
