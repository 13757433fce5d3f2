"""A caller of tests/rooms, by LiveKit's Python SDK: it encrypts its tracks, or mutes first its
camera and then its microphone.

Prints what it saw as one line of JSON.
"""

import asyncio
import json
import math
import os
import struct
import sys

from livekit import rtc

RATE = 48_000
PATIENCE = 20


def rms(samples: list[int]) -> float:
    return math.sqrt(sum(s * s for s in samples) / len(samples)) if samples else 0.0


async def play(source: rtc.AudioSource) -> None:
    """A loud tone, which an agent would take for speech."""
    n = 0
    while True:
        data = [int(9_000 * math.sin(math.tau * 300 / RATE * (n * 480 + i))) for i in range(480)]
        await source.capture_frame(rtc.AudioFrame(struct.pack("<480h", *data), RATE, 1, 480))
        n += 1


async def listen(track: rtc.Track, heard: list[int]) -> None:
    async for event in rtc.AudioStream(track, sample_rate=16_000, num_channels=1):
        heard.extend(event.frame.data)


async def main(mode: str, url: str, token: str) -> dict:
    room = rtc.Room()
    heard: list[int] = []
    segments: dict[str, str] = {}
    tasks = set()
    left = asyncio.Event()
    met = asyncio.Event()

    def start(work) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)

    async def read(reader: rtc.TextStreamReader) -> None:
        segment = reader.info.attributes["lk.segment_id"]
        async for piece in reader:
            segments[segment] = segments.get(segment, "") + piece

    @room.on("track_subscribed")
    def subscribed(track, _publication, _participant):
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            start(listen(track, heard))
            met.set()

    @room.on("participant_disconnected")
    def disconnected(_participant):
        left.set()

    room.register_text_stream_handler("lk.transcription", lambda reader, _: start(read(reader)))
    options = rtc.RoomOptions()
    if mode == "encrypted":
        keys = rtc.KeyProviderOptions(shared_key=b"a key of the callers' own")
        options.e2ee = rtc.E2EEOptions(key_provider_options=keys)
    await room.connect(url, token, options)
    source = rtc.AudioSource(RATE, 1, queue_size_ms=100)
    microphone = rtc.LocalAudioTrack.create_audio_track("microphone", source)
    published = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await room.local_participant.publish_track(microphone, published)

    if mode == "encrypted":
        start(play(source))
        await asyncio.wait_for(left.wait(), PATIENCE)
        return {"agent_left": True, "words": " ".join(segments.values()), "heard_rms": rms(heard)}
    pictures = rtc.VideoSource(320, 240)
    camera = rtc.LocalVideoTrack.create_video_track("camera", pictures)
    published = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA)
    await room.local_participant.publish_track(camera, published)
    pictures.capture_frame(rtc.VideoFrame(320, 240, rtc.VideoBufferType.RGBA, bytearray(320 * 240 * 4)))
    await asyncio.wait_for(met.wait(), PATIENCE)
    # By then the agent has met this caller, whose subscription it may not have seen.
    await asyncio.sleep(2.5)
    camera.mute()
    await asyncio.sleep(0.5)
    microphone.mute()
    await asyncio.sleep(0.5)
    return {"muted": True}


def report(seen: dict) -> None:
    print(json.dumps(seen), flush=True)
    # The SDK's native threads may abort an orderly exit.
    os._exit(0)


report(asyncio.run(main(*sys.argv[1:])))
