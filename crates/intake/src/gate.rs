//! Limits a room's data packets before LiveKit's client sees them.
//!
//! That client (livekit 0.10) keeps what participants send in unbounded queues, decompresses a stream's chunk before
//! it checks the size, reads requests (RPC over streams) to their end from anybody, as many at once as are sent, and
//! accepts a stream's chunks from whoever knows its id. So each packet passes through here first: if a participant
//! sends too much, or too many streams at once, the excess is dropped. So is what the client would drop itself: it
//! writes a line of the log about each, with ids and names in it as they were sent. What LiveKit's server itself sends
//! passes.

mod refused;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use livekit_protocol::data_packet::Value;
use livekit_protocol::data_stream::{Chunk, CompressionType, Header, Trailer};
use livekit_protocol::{self as proto, DataPacket};
use prost::Message as _;

use crate::budget::{Bucket, Budget};
use crate::opened;
pub use refused::Refused;

/// The longest packet of a participant. Clients split streams into chunks of 15,000 bytes, and send no longer
/// requests. This bounds how large a compressed chunk can become at once: a thousand times that.
const LONGEST: usize = 20 * 1024;
/// Limit for one participant's packets.
const PACKETS: Budget = Budget::per_second(400, 100);
/// Limit for one participant's bytes: ten seconds of uncompressed stereo at once, which some clients record before the
/// call.
const BYTES: Budget = Budget::per_second(3 * 1024 * 1024, 64 * 1024);
/// Limit for compressed bytes, each of which may become a thousand.
const PACKED: Budget = Budget::per_second(1024 * 1024, 16 * 1024);
/// Limit for the streams that one participant begins: captions come in streams of their own.
const STREAMS: Budget = Budget::per_second(60, 20);
/// Limit for one participant's requests, which the client answers whoever sends them.
const REQUESTS: Budget = Budget::per_second(20, 10);
/// Open streams at once, per participant and per room. Together with the client's own limit on a stream's length this
/// bounds how much all of them may take.
const AT_ONCE: usize = 8;
const AT_ONCE_IN_ALL: usize = 32;
/// A stream without a packet for this long may have been abandoned, and makes room for another.
const IDLE: Duration = Duration::from_secs(10);
/// How many participants are remembered.
const SENDERS: usize = 64;

/// Longest id of a stream: clients make UUIDs, and the log shows it.
const LONGEST_ID: usize = 128;

/// The topic of a request by stream.
const REQUEST_TOPIC: &str = "lk.rpc_request";
/// The topic of an answer to a request.
const ANSWER_TOPIC: &str = "lk.rpc_response";

/// A participant's budgets.
#[derive(Debug)]
struct Sender {
    packets: Bucket,
    bytes: Bucket,
    packed: Bucket,
    streams: Bucket,
    requests: Bucket,
    /// Number of the last packet, where they are numbered.
    last: u32,
    seen: Instant,
}

impl Sender {
    fn new(now: Instant) -> Self {
        Self {
            packets: Bucket::full(PACKETS),
            bytes: Bucket::full(BYTES),
            packed: Bucket::full(PACKED),
            streams: Bucket::full(STREAMS),
            requests: Bucket::full(REQUESTS),
            last: 0,
            seen: now,
        }
    }

    /// Whether the packet of this number was sent before; 0 is no number.
    fn has_sent(&mut self, number: u32) -> bool {
        let has_sent = number != 0 && number <= self.last;
        self.last = self.last.max(number);
        has_sent
    }
}

/// An open stream.
#[derive(Debug)]
struct Stream {
    /// The session id of its sender.
    sender: String,
    is_packed: bool,
    /// Index of the next chunk.
    next: u64,
    seen: Instant,
}

/// The gate of one data channel.
#[derive(Debug, Default)]
pub struct Gate {
    /// By session id: the server sets it, so that nobody can send in another's name, and a participant who rejoins
    /// starts afresh.
    senders: HashMap<String, Sender>,
    streams: HashMap<String, Stream>,
    /// Whether encrypted packets pass, because the room has the keys; their contents pass through a gate of their own.
    takes_encrypted: bool,
    /// No stream and no request is taken: two channels' gates would each let somebody else begin a stream of the
    /// same id, and the client knows streams by their ids alone.
    is_lossy: bool,
    /// It checks contents of encrypted packets: the client receives one packet for each, at most.
    is_of_opened: bool,
}

impl Gate {
    /// The gate of the channel for what may get lost.
    pub fn lossy(self) -> Self {
        Self {
            is_lossy: true,
            ..self
        }
    }

    /// The gate of a channel in a room of encrypted calls.
    pub fn of_encrypted_calls() -> Self {
        Self {
            takes_encrypted: true,
            ..Self::default()
        }
    }

    /// Checks the contents of an encrypted packet as [`Gate::packet`] checks one in the clear. Returns what the client
    /// is to receive.
    ///
    /// # Errors
    /// Why the client is to receive nothing.
    pub fn opened(
        &mut self,
        now: Instant,
        sender: &str,
        payload: Vec<u8>,
    ) -> Result<Vec<u8>, Refused> {
        self.is_of_opened = true;
        // LiveKit's server names the sender of each packet, and has no key itself.
        let packet = (!sender.is_empty()).then(|| opened::packet(sender, &payload));
        let packet = packet.flatten().ok_or(Refused::NotAPacket)?;
        let mut delivered = None;
        let passed = self.packet(now, &packet, |packet| delivered = opened::payload(packet));
        delivered.ok_or(passed.err().unwrap_or(Refused::NotAPacket))
    }

    /// Checks a packet, and delivers what the client is to receive: the packet itself, or the end of a stream that
    /// exceeded a limit with it.
    ///
    /// # Errors
    /// Why the packet is not delivered.
    pub fn packet(
        &mut self,
        now: Instant,
        packet: &[u8],
        mut deliver: impl FnMut(&[u8]),
    ) -> Result<(), Refused> {
        let decoded = DataPacket::decode(packet).map_err(|_| Refused::NotAPacket)?;
        if decoded.participant_sid.is_empty() && decoded.participant_identity.is_empty() {
            // From whoever holds the server's key.
            deliver(packet);
            return Ok(());
        }
        // Servers before 1.9 set only the identity.
        let sender = match decoded.participant_sid {
            sid if sid.is_empty() => decoded.participant_identity,
            sid => sid,
        };
        let Some(value) = decoded.value else {
            return Err(Refused::NotAPacket);
        };
        self.forget_one(now, &sender, &mut deliver);
        let known = self
            .senders
            .entry(sender.clone())
            .or_insert_with(|| Sender::new(now));
        known.seen = now;
        let is_repeated = known.has_sent(decoded.sequence);
        let within = if packet.len() > LONGEST {
            Err(Refused::TooLong)
        } else if !known.packets.take(now, 1) {
            Err(Refused::TooMany)
        } else if !known.bytes.take(now, packet.len()) {
            Err(Refused::TooMuch)
        } else if is_repeated {
            Err(Refused::Repeated)
        } else {
            Ok(())
        };
        let passes = match &value {
            Value::StreamHeader(_)
            | Value::StreamChunk(_)
            | Value::StreamTrailer(_)
            | Value::RpcRequest(_)
                if self.is_lossy =>
            {
                Err(Refused::Lossy)
            }
            Value::StreamHeader(header) => {
                within.and_then(|()| self.begins(now, &sender, header, &mut deliver))
            }
            Value::StreamChunk(chunk) => self.goes_on(now, &sender, chunk, within, &mut deliver),
            // The client passes it over, and keeps the stream.
            Value::StreamTrailer(_) if is_repeated => Err(Refused::Repeated),
            // Other ends always pass: they cost nothing, and free a place.
            Value::StreamTrailer(trailer) => self.ends(&sender, trailer),
            Value::RpcRequest(_) => within.and_then(|()| self.requests(now, &sender)),
            Value::RpcAck(_) | Value::RpcResponse(_) => Err(Refused::NotAsked),
            Value::EncryptedPacket(_) if self.takes_encrypted => within,
            Value::EncryptedPacket(_) => Err(Refused::Encrypted),
            _ => within,
        };
        if passes.is_ok() {
            deliver(packet);
        }
        passes
    }

    fn begins(
        &mut self,
        now: Instant,
        sender: &str,
        header: &Header,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), Refused> {
        let id = match self.is_of_opened {
            true => header.stream_id.strip_prefix(opened::MARK),
            false => Some(&*header.stream_id),
        };
        if !id.is_some_and(is_plain) || !is_readable(header) {
            return Err(Refused::UnreadableStream);
        }
        if self.streams.contains_key(&header.stream_id) {
            return Err(Refused::TooManyStreams);
        }
        match &*header.topic {
            REQUEST_TOPIC => self.requests(now, sender)?,
            ANSWER_TOPIC => return Err(Refused::NotAsked),
            _ => {}
        }
        let is_packed = header.compression != CompressionType::None as i32;
        let inline = header.inline_content.as_ref().map(Vec::len);
        let known = self.senders.get_mut(sender).ok_or(Refused::NoStream)?;
        if !known.streams.take(now, 1) {
            return Err(Refused::TooManyStreams);
        }
        if is_packed && !known.packed.take(now, inline.unwrap_or(0)) {
            return Err(Refused::TooMuchPacked);
        }
        // The stream is complete in one packet.
        if inline.is_some() {
            return Ok(());
        }
        let own = self
            .streams
            .values()
            .filter(|stream| stream.sender == sender);
        if own.count() >= AT_ONCE {
            self.end_idle(now, |stream| stream.sender == sender, deliver)?;
        } else if self.streams.len() >= AT_ONCE_IN_ALL {
            self.end_idle(now, |_| true, deliver)?;
        }
        let stream = Stream {
            sender: sender.to_owned(),
            is_packed,
            next: 0,
            seen: now,
        };
        self.streams.insert(header.stream_id.clone(), stream);
        Ok(())
    }

    fn goes_on(
        &mut self,
        now: Instant,
        sender: &str,
        chunk: &Chunk,
        within: Result<(), Refused>,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), Refused> {
        let id = &chunk.stream_id;
        let stream = self.streams.get_mut(id);
        let stream = stream.filter(|stream| stream.sender == sender);
        let stream = stream.ok_or(Refused::NoStream)?;
        if chunk.chunk_index < stream.next {
            return Err(Refused::Repeated);
        }
        let follows = chunk.chunk_index == stream.next;
        stream.next = stream.next.saturating_add(1);
        stream.seen = now;
        let is_packed = stream.is_packed;
        let gap = (!follows).then_some(Refused::Gap);
        let refused = within.err().or(gap).or_else(|| {
            let known = self.senders.get_mut(sender)?;
            let is_over = is_packed && !known.packed.take(now, chunk.content.len());
            is_over.then_some(Refused::TooMuchPacked)
        });
        match refused {
            None => Ok(()),
            // A stream with a missing chunk is useless, and the client would wait for it.
            Some(why) => {
                self.end(id, why, deliver);
                Err(why)
            }
        }
    }

    fn ends(&mut self, sender: &str, trailer: &Trailer) -> Result<(), Refused> {
        let id = &trailer.stream_id;
        let is_own = self.streams.get(id).is_some_and(|s| s.sender == sender);
        is_own.then(|| self.streams.remove(id));
        is_own.then_some(()).ok_or(Refused::NoStream)
    }

    fn requests(&mut self, now: Instant, sender: &str) -> Result<(), Refused> {
        let known = self.senders.get_mut(sender);
        let is_there = known.is_some_and(|known| known.requests.take(now, 1));
        is_there.then_some(()).ok_or(Refused::TooManyRequests)
    }

    /// Makes room for a stream, if one of those selected is idle.
    fn end_idle(
        &mut self,
        now: Instant,
        is_meant: impl Fn(&Stream) -> bool,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), Refused> {
        let streams = self.streams.iter().filter(|(_, stream)| is_meant(stream));
        let longest = streams.min_by_key(|(_, stream)| stream.seen);
        let idle = longest.filter(|(_, stream)| now.duration_since(stream.seen) >= IDLE);
        let id = idle
            .map(|(id, _)| id.clone())
            .ok_or(Refused::TooManyStreams)?;
        self.end(&id, Refused::TooManyStreams, deliver);
        // The end is what the client receives. There is room for the next one.
        match self.is_of_opened {
            true => Err(Refused::TooManyStreams),
            false => Ok(()),
        }
    }

    /// Ends a stream and tells the client, so that whoever reads the stream learns why.
    fn end(&mut self, id: &str, why: Refused, deliver: &mut impl FnMut(&[u8])) {
        let Some(stream) = self.streams.remove(id) else {
            return;
        };
        let trailer = Trailer {
            stream_id: id.to_owned(),
            reason: why.to_string(),
            ..Trailer::default()
        };
        let packet = DataPacket {
            participant_sid: stream.sender,
            value: Some(proto::data_packet::Value::StreamTrailer(trailer)),
            ..DataPacket::default()
        };
        deliver(&packet.encode_to_vec());
    }

    /// Makes room for another sender: the one that was silent longest is forgotten, along with its streams.
    fn forget_one(&mut self, now: Instant, newcomer: &str, deliver: &mut impl FnMut(&[u8])) {
        if self.senders.len() < SENDERS || self.senders.contains_key(newcomer) {
            return;
        }
        let silent = self.senders.iter().min_by_key(|(_, sender)| sender.seen);
        let Some(silent) = silent.map(|(id, _)| id.clone()) else {
            return;
        };
        self.senders.remove(&silent);
        let streams = self.streams.iter();
        let its = streams.filter(|(_, stream)| stream.sender == silent);
        let its: Vec<String> = its.map(|(id, _)| id.clone()).collect();
        for id in its {
            self.end(&id, Refused::TooManyStreams, deliver);
        }
        debug_assert!(self.senders.values().all(|sender| sender.seen <= now));
    }
}

/// Whether an id of a stream is of the kind that clients make.
fn is_plain(id: &str) -> bool {
    let is_odd = |c: char| c.is_control() || c.is_whitespace();
    (1..=LONGEST_ID).contains(&id.len()) && !id.contains(is_odd)
}

/// Whether LiveKit's client can read such a stream.
fn is_readable(header: &Header) -> bool {
    header.content_header.is_some() && CompressionType::try_from(header.compression).is_ok()
}

#[cfg(test)]
mod tests;
