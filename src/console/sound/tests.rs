use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::task::{LocalSet, spawn_local};

use super::*;
use sidetone_call::transport::{self, RoomCommand, RoomLink};

/// A card at 44.1 kHz whose caller hums all the time.
#[derive(Default)]
struct Card {
    unplayed: VecDeque<f32>,
    played: Arc<Mutex<Vec<f32>>>,
    pulled: bool,
}

impl SoundCard for Card {
    fn mic_rate(&self) -> u32 {
        44_100
    }

    fn speaker_rate(&self) -> u32 {
        44_100
    }

    fn heard(&mut self) -> Vec<f32> {
        // 10 ms have passed.
        let count = self.unplayed.len().min(441);
        let mut played = self.played.lock().unwrap();
        played.extend(self.unplayed.drain(..count));
        vec![0.25; 441]
    }

    fn unplayed(&self) -> usize {
        self.unplayed.len()
    }

    fn ahead(&self) -> usize {
        1_764
    }

    fn play(&mut self, samples: &[f32]) {
        self.unplayed.extend(samples);
    }

    fn trouble(&mut self) -> Option<String> {
        self.pulled.then(|| "the microphone is gone".to_owned())
    }
}

struct Call {
    link: RoomLink,
    seen: mpsc::Receiver<Seen>,
    _write: mpsc::Sender<RoomEvent>,
}

fn call(card: Card, headphones: bool) -> Call {
    let (link, driver) = transport::link();
    let (seen_by, seen) = mpsc::channel(64);
    let (_write, written) = mpsc::channel(4);
    spawn_local(async move {
        drive(driver, "Ada", Box::new(card), headphones, written, seen_by).await;
    });
    Call { link, seen, _write }
}

fn loud(frame: &Pcm<16_000>) -> bool {
    frame.samples().iter().any(|s| s.unsigned_abs() > 1_000)
}

/// How many frames of the next second are loud, while the agent speaks from 0.2 to 0.5 s.
async fn heard_in_a_second(call: &mut Call) -> usize {
    let frame = Pcm::<48_000>::new(vec![9_000; 480]);
    let mut heard = 0;
    for n in 0..100 {
        if (20..50).contains(&n) {
            call.link.speaker.send(frame.clone()).await.unwrap();
        }
        heard += usize::from(loud(&call.link.mic.recv().await.unwrap().sound));
    }
    heard
}

#[tokio::test(start_paused = true)]
async fn the_microphone_is_deaf_while_the_agent_speaks_unless_there_are_headphones() {
    LocalSet::new().run_until(whoever_hears()).await;
}

async fn whoever_hears() {
    for headphones in [false, true] {
        let card = Card::default();
        let played = Arc::clone(&card.played);
        let mut call = call(card, headphones);
        assert!(matches!(
            call.link.events.recv().await,
            Some(RoomEvent::CallerJoined(_))
        ));
        let heard = heard_in_a_second(&mut call).await;
        match headphones {
            // 300 ms of speech, some queued audio, and the tail.
            false => assert!((35..=52).contains(&heard), "{heard}"),
            true => assert!(heard >= 98, "{heard}"),
        }
        // All of it was played: 300 ms, less the filter's delay.
        let played = played.lock().unwrap();
        let loud = played.iter().filter(|s| s.abs() > 0.1).count();
        assert!(loud.abs_diff(13_230) < 200, "{loud}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_card_that_fails_ends_the_call_and_says_why() {
    LocalSet::new().run_until(pulled_out()).await;
}

async fn pulled_out() {
    let mut call = call(
        Card {
            pulled: true,
            ..Card::default()
        },
        false,
    );
    let seen = call.seen.recv().await;
    assert_eq!(
        seen,
        Some(Seen::Trouble("the microphone is gone".to_owned()))
    );
    call.link.events.recv().await;
    assert!(matches!(
        call.link.events.recv().await,
        Some(RoomEvent::CallerLeft { .. })
    ));
    call.link.commands.send(RoomCommand::Leave).await.unwrap();
    assert_eq!(call.seen.recv().await, Some(Seen::Left));
}
