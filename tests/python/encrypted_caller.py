"""A caller for tests/rooms/encryption.rs on LiveKit's Python SDK, which uses Google's libwebrtc: it encrypts what it
sends, and reports what it can read.

It reads commands from its standard input, one JSON object per line, and answers each with one:
  {"do": "join", "url", "token", "hz", "key"?, "hkdf"?, "data"?}   joins a room; key: base64; data: also encrypts
                             data; hz: the tone of the agent's voice
  {"do": "publish"}          publishes a microphone
  {"do": "play", "wav"}      plays a file of 16-bit mono sound at 48 kHz
  {"do": "write", "text"}    sends a chat message
  {"do": "ratchet"}          ratchets the key
  {"do": "key", "key", "index"}   uses another key
  {"do": "seen"}             reports what was read, and the loudest 50 ms of the agent's voice since the last report

The voice is the test provider's tone, because a decoder turns sound that is still encrypted into loud noise.
"""

import asyncio
import base64
import collections
import json
import math
import os
import sys
import wave

from livekit import rtc
from livekit.rtc._proto import e2ee_pb2

RATE = 48_000
HEARD = 16_000
# Frames of 10 ms; this many in a row with the tone are no coincidence in noise.
IN_A_ROW = 5


def loudness_of_tone(data, hz: float) -> float:
    """The mean loudness of a frame that contains only this tone; 0 for any other frame."""
    power = sum(s * s for s in data) / max(len(data), 1)
    cosine = sine = 0.0
    for n, s in enumerate(data):
        angle = math.tau * hz * n / HEARD
        cosine += s * math.cos(angle)
        sine += s * math.sin(angle)
    of_tone = 2 * (cosine * cosine + sine * sine) / max(len(data), 1) ** 2
    return math.sqrt(power) if of_tone > 0.8 * power else 0.0


def is_agent(participant) -> bool:
    return participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT


class Caller:
    def __init__(self) -> None:
        self.room = rtc.Room()
        self.words: dict[str, str] = {}
        self.clear: list[str] = []
        self.hz = 0.0
        self.loudest = 0.0
        self.states: list[str] = []
        self.attributes: dict[str, str] = {}
        self.agent_left = False
        self.agent_encrypts = None
        self.tasks: set[asyncio.Task] = set()
        self.source = rtc.AudioSource(RATE, 1, queue_size_ms=100)

    def start(self, work) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def read(self, reader: rtc.TextStreamReader) -> None:
        segment = reader.info.attributes["lk.segment_id"]
        async for piece in reader:
            self.words[segment] = self.words.get(segment, "") + piece

    async def listen(self, track: rtc.Track) -> None:
        latest = collections.deque(maxlen=IN_A_ROW)
        async for event in rtc.AudioStream(track, sample_rate=HEARD, num_channels=1):
            latest.append(loudness_of_tone(event.frame.data, self.hz))
            if len(latest) == IN_A_ROW:
                self.loudest = max(self.loudest, min(latest))

    async def join(self, url, token, hz, key=None, hkdf=False, data=True) -> dict:
        self.hz = hz
        room = self.room

        @room.on("track_subscribed")
        def subscribed(track, publication, _participant):
            if track.kind == rtc.TrackKind.KIND_AUDIO:
                self.agent_encrypts = publication.encryption_type != rtc.EncryptionType.NONE
                self.start(self.listen(track))

        @room.on("participant_disconnected")
        def disconnected(participant):
            self.agent_left = self.agent_left or is_agent(participant)

        @room.on("disconnected")
        def hung_up(reason):
            # An agent that ends a call hangs up on a caller who is alone with it, before it leaves.
            self.agent_left = self.agent_left or reason == rtc.DisconnectReason.PARTICIPANT_REMOVED

        @room.on("participant_attributes_changed")
        def changed(_attributes, participant):
            self.note(participant)

        @room.on("participant_connected")
        def connected(participant):
            self.note(participant)

        @room.on("transcription_received")
        def transcribed(segments, _participant, _publication):
            self.clear.extend(segment.text for segment in segments)

        @room.on("e2ee_state_changed")
        def state(participant, state):
            if participant.identity != room.local_participant.identity:
                self.states.append(rtc.EncryptionState.Name(state))

        room.register_text_stream_handler("lk.transcription", lambda reader, _: self.start(self.read(reader)))
        options = rtc.RoomOptions()
        if key is not None:
            derivation = e2ee_pb2.KeyDerivationFunction
            keys = rtc.KeyProviderOptions(
                shared_key=base64.b64decode(key),
                failure_tolerance=10,
                key_derivation_function=derivation.HKDF if hkdf else derivation.PBKDF2,
            )
            encryption = rtc.E2EEOptions(key_provider_options=keys)
            if data:
                options.encryption = encryption
            else:
                options.e2ee = encryption
        await room.connect(url, token, options)
        return {}

    async def publish(self) -> dict:
        microphone = rtc.LocalAudioTrack.create_audio_track("microphone", self.source)
        published = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(microphone, published)
        return {}

    async def play(self, wav) -> dict:
        with wave.open(wav) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
            sound = file.readframes(file.getnframes())
        # A turn ends in silence.
        sound += bytes(2 * RATE)
        for at in range(0, len(sound) - 959, 960):
            await self.source.capture_frame(rtc.AudioFrame(sound[at : at + 960], RATE, 1, 480))
        return {}

    async def write(self, text) -> dict:
        await self.room.local_participant.send_text(text, topic="lk.chat")
        return {}

    async def ratchet(self) -> dict:
        new = self.room.e2ee_manager.key_provider.ratchet_shared_key(0)
        return {"key": base64.b64encode(new).decode()}

    async def key(self, key, index) -> dict:
        manager = self.room.e2ee_manager
        manager.key_provider.set_shared_key(base64.b64decode(key), index)
        own = self.room.local_participant.identity
        for cryptor in manager.frame_cryptors():
            if cryptor.participant_identity == own:
                cryptor.set_key_index(index)
        return {}

    def note(self, participant) -> None:
        """Keeps the agent's attributes even after it has left."""
        if is_agent(participant):
            self.attributes.update(participant.attributes)

    async def seen(self) -> dict:
        loudest, self.loudest = self.loudest, 0.0
        for other in self.room.remote_participants.values():
            self.note(other)
        return {
            "words": " ".join(self.words.values()),
            "clear": self.clear,
            "loudest": loudest,
            "states": self.states,
            "attributes": self.attributes,
            "agent_left": self.agent_left,
            "agent_encrypts": self.agent_encrypts,
        }


async def main() -> None:
    caller = Caller()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        work = getattr(caller, order.pop("do"))
        print(json.dumps(await work(**order)), flush=True)
    # The SDK's native threads may abort an orderly exit.
    os._exit(0)


asyncio.run(main())
