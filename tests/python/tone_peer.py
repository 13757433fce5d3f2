"""The other side of tests/interop_tones.rs, on LiveKit's Python SDK, which uses
Google's libwebrtc.

Joins a room, publishes a tone and then silence, listens to the first audio
track, and prints what it heard as one line of JSON.
"""

import argparse
import asyncio
import json
import math
import os
import struct

from livekit import rtc

RATE = 48_000


def frequency(samples: list[int]) -> float:
    """The frequency in Hz, from the times of rising zero crossings."""
    times = [
        n + -a / (b - a)
        for n, (a, b) in enumerate(zip(samples, samples[1:]))
        if a < 0 <= b
    ]
    return (len(times) - 1) / (times[-1] - times[0]) * RATE if len(times) > 1 else 0.0


def rms(samples: list[int]) -> float:
    return math.sqrt(sum(s * s for s in samples) / len(samples)) if samples else 0.0


async def publish(room: rtc.Room, args: argparse.Namespace) -> None:
    source = rtc.AudioSource(RATE, 1, queue_size_ms=200)
    track = rtc.LocalAudioTrack.create_audio_track("tone", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=True)
    await room.local_participant.publish_track(track, options)
    for n in range(int((args.tone + args.silence) * 100)):
        loud = args.amplitude if n < args.tone * 100 else 0
        step = math.tau * args.hz / RATE
        data = [int(loud * math.sin(step * (n * 480 + i))) for i in range(480)]
        frame = rtc.AudioFrame(struct.pack("<480h", *data), RATE, 1, 480)
        await source.capture_frame(frame)


async def listen(track: rtc.Track, heard: list[int]) -> None:
    async for event in rtc.AudioStream(track, sample_rate=RATE, num_channels=1):
        heard.extend(event.frame.data)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--hz", type=float, required=True)
    parser.add_argument("--amplitude", type=int, required=True)
    parser.add_argument("--tone", type=float, required=True, help="seconds")
    parser.add_argument("--silence", type=float, required=True, help="seconds")
    args = parser.parse_args()

    room = rtc.Room()
    heard: list[int] = []
    tasks = []

    @room.on("track_subscribed")
    def subscribed(track, _publication, _participant):
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            tasks.append(asyncio.create_task(listen(track, heard)))

    await room.connect(args.url, args.token)
    await publish(room, args)
    # Only the last two seconds, because the beginning may contain the start of the stream.
    steady = heard[-2 * RATE :]
    print(json.dumps({"hz": frequency(steady), "rms": rms(steady), "samples": len(heard)}), flush=True)
    # The SDK's native threads may abort an orderly exit.
    os._exit(0)


asyncio.run(main())
