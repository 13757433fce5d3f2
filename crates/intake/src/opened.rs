//! Converts the contents of an encrypted packet into the packet that it would have been in the clear, and back.
//!
//! Streams get ids that no stream in the clear can have ([`MARK`]): LiveKit's client knows streams by their ids alone, and
//! would end one whose id somebody else uses in the clear.

use livekit_protocol::data_packet::Value as Clear;
use livekit_protocol::data_stream::{Chunk, Header, Trailer};
use livekit_protocol::encrypted_packet_payload::Value as Opened;
use livekit_protocol::{DataPacket, EncryptedPacketPayload};
use prost::Message as _;

/// How ids of streams begin that are encrypted. Ids in the clear hold no white space.
pub(crate) const MARK: &str = "encrypted ";

fn marked(id: String) -> String {
    format!("{MARK}{id}")
}

/// The packet from this sender that `payload` represents. `None` if it represents none.
pub(crate) fn packet(sender: &str, payload: &[u8]) -> Option<Vec<u8>> {
    let value = match EncryptedPacketPayload::decode(payload).ok()?.value? {
        Opened::User(user) => Clear::User(user),
        Opened::ChatMessage(message) => Clear::ChatMessage(message),
        Opened::RpcRequest(request) => Clear::RpcRequest(request),
        Opened::RpcAck(ack) => Clear::RpcAck(ack),
        Opened::RpcResponse(response) => Clear::RpcResponse(response),
        Opened::StreamHeader(header) => Clear::StreamHeader(Header {
            stream_id: marked(header.stream_id),
            ..header
        }),
        Opened::StreamChunk(chunk) => Clear::StreamChunk(Chunk {
            stream_id: marked(chunk.stream_id),
            ..chunk
        }),
        Opened::StreamTrailer(trailer) => Clear::StreamTrailer(Trailer {
            stream_id: marked(trailer.stream_id),
            ..trailer
        }),
    };
    let packet = DataPacket {
        participant_identity: sender.to_owned(),
        value: Some(value),
        ..DataPacket::default()
    };
    Some(packet.encode_to_vec())
}

/// The contents of an encrypted packet that represents this packet. `None` if it must not be encrypted.
pub(crate) fn payload(packet: &[u8]) -> Option<Vec<u8>> {
    let value = match DataPacket::decode(packet).ok()?.value? {
        Clear::User(user) => Opened::User(user),
        Clear::ChatMessage(message) => Opened::ChatMessage(message),
        Clear::RpcRequest(request) => Opened::RpcRequest(request),
        Clear::RpcAck(ack) => Opened::RpcAck(ack),
        Clear::RpcResponse(response) => Opened::RpcResponse(response),
        Clear::StreamHeader(header) => Opened::StreamHeader(header),
        Clear::StreamChunk(chunk) => Opened::StreamChunk(chunk),
        Clear::StreamTrailer(trailer) => Opened::StreamTrailer(trailer),
        _ => return None,
    };
    let payload = EncryptedPacketPayload { value: Some(value) };
    Some(payload.encode_to_vec())
}
