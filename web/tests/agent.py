"""A stand-in agent for the browser's component tests: it does what it is told, and tells what it hears.

Commands come as JSON lines on stdin, reports go as JSON lines to stdout. It joins as a real
participant through LiveKit's Python SDK, with a token of kind "agent".
"""

import asyncio
import json
import os
import sys

import numpy as np
from livekit import rtc

RATE = 48_000
FRAME = RATE // 100


def report(**fields):
    print(json.dumps(fields), flush=True)


class Agent:
    def __init__(self):
        self.room = rtc.Room()
        self.source = rtc.AudioSource(RATE, 1, queue_size_ms=100)
        self.tone = None  # (hertz, amplitude of full scale)
        self.writers = {}
        self.answer = None
        self.tasks = set()

    def spawn(self, coroutine):
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def join(self, url, token):
        room = self.room

        @room.on("participant_connected")
        def _(p):
            report(event="caller", identity=p.identity, kind=p.kind)

        @room.on("participant_disconnected")
        def _(p):
            report(event="caller-left", identity=p.identity, reason=p.disconnect_reason)

        @room.on("track_subscribed")
        def _(track, publication, p):
            if track.kind == rtc.TrackKind.KIND_AUDIO:
                self.spawn(self.hear(track))

        @room.on("track_muted")
        def _(p, publication):
            report(event="muted", muted=True)

        @room.on("track_unmuted")
        def _(p, publication):
            report(event="muted", muted=False)

        @room.on("disconnected")
        def _(reason):
            report(event="disconnected", reason=reason)

        def chat(reader, identity):
            async def read():
                report(event="chat", text=await reader.read_all(), identity=identity)

            self.spawn(read())

        room.register_text_stream_handler("lk.chat", chat)
        await room.connect(url, token)
        track = rtc.LocalAudioTrack.create_audio_track("voice", self.source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await room.local_participant.publish_track(track, options)
        self.spawn(self.speak())
        report(event="joined", identity=room.local_participant.identity)
        for p in room.remote_participants.values():
            report(event="caller", identity=p.identity, kind=p.kind)

    async def speak(self):
        """Steady 10 ms frames of the tone that is set, or of silence."""
        position = 0
        while True:
            n = np.arange(position, position + FRAME)
            position += FRAME
            if self.tone:
                hertz, amplitude = self.tone
                samples = np.sin(2 * np.pi * hertz * n / RATE) * amplitude * 32767
            else:
                samples = np.zeros(FRAME)
            await self.source.capture_frame(
                rtc.AudioFrame(samples.astype(np.int16).tobytes(), RATE, 1, FRAME)
            )

    async def hear(self, track):
        """Reports the loudest frequency and the level, five times a second of audio."""
        block = np.zeros(0)
        async for event in rtc.AudioStream(track, sample_rate=RATE, num_channels=1):
            block = np.append(block, np.frombuffer(event.frame.data, dtype=np.int16) / 32768)
            if len(block) < RATE // 5:
                continue
            spectrum = np.abs(np.fft.rfft(block * np.hanning(len(block))))
            hertz = float(np.argmax(spectrum) * RATE / len(block))
            rms = float(np.sqrt(np.mean(block**2)))
            report(event="level", hertz=hertz, rms=rms)
            block = np.zeros(0)
            self.spawn(self.turn(rms))

    async def turn(self, rms):
        """When told to answer: a tone after the caller's voice has stopped."""
        if self.answer is None:
            return
        if rms > 0.02:
            self.answer["heard"] = True
        elif self.answer.get("heard"):
            answer, self.answer = self.answer, None
            await asyncio.sleep(answer["after"])
            self.tone = (answer["hertz"], 0.3)
            await asyncio.sleep(answer["seconds"])
            self.tone = None
            report(event="answered")

    async def do(self, do, **a):
        me = None if do == "join" else self.room.local_participant
        if do == "join":
            await self.join(a["url"], a["token"])
        elif do == "state":
            await me.set_attributes({"lk.agent.state": a["state"]})
        elif do == "tone":
            self.tone = (a["hertz"], a["amplitude"]) if a.get("hertz") else None
        elif do == "answer":
            self.answer = dict(a)
        elif do == "open":
            attributes = {"lk.segment_id": a["id"], "lk.transcription_final": "false"}
            if "track" in a:
                attributes["lk.transcribed_track_id"] = a["track"]
            self.writers[a["id"]] = await me.stream_text(topic="lk.transcription", attributes=attributes)
        elif do == "write":
            await self.writers[a["id"]].write(a["text"])
        elif do == "close":
            await self.writers.pop(a["id"]).aclose(attributes={"lk.transcription_final": "true"})
        elif do == "heard":
            attributes = {
                "lk.segment_id": a["id"],
                "lk.transcription_final": "true" if a["final"] else "false",
            }
            writer = await me.stream_text(
                topic="lk.transcription", attributes=attributes, sender_identity=a["identity"]
            )
            await writer.write(a["text"])
            await writer.aclose()
        elif do == "text":
            await me.send_text(a["text"], topic=a["topic"])
        elif do == "packet":
            await me.publish_data(json.dumps(a["message"]), topic=a["topic"])
        elif do == "leave":
            await self.room.disconnect()
            self.room, self.tone = rtc.Room(), None
        elif do == "crash":
            os._exit(9)
        else:
            raise ValueError(f"no such command: {do}")
        report(event="done", do=do)


async def main():
    agent = Agent()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        await agent.do(**json.loads(line))
    os._exit(0)


asyncio.run(main())
