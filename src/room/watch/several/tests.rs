use std::time::Duration;

use super::*;
use sidetone_base::tap::Sound;

/// The call gets one voice, and the recording all of them.
#[tokio::test]
async fn a_recording_has_everybody_and_the_call_one_voice() {
    let (tap, mut tapping) = Tap::open("recording");
    let (to_listen, said) = mpsc::channel(WAITING);
    let (mic, mut heard) = mpsc::channel(MIC_FRAMES);
    let vad = VadConfig::default();
    let listening = tokio::spawn(listen(said, vad, mic, tap));
    let person = |identity: &str| {
        Arc::new(Person {
            identity: identity.into(),
            name: identity.to_uppercase(),
        })
    };
    let (ann, bob) = (person("ann"), person("bob"));
    let frame = |level: i16| Pcm::new(vec![level; 160]);
    for _ in 0..20 {
        for (who, level) in [(&ann, 100), (&bob, 20)] {
            let said = Said::Frame(Arc::clone(who), frame(level));
            to_listen.send(said).await.unwrap();
        }
    }
    drop(to_listen);
    listening.await.unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = heard.recv().await {
        frames.push(frame);
    }
    assert_eq!(frames.len(), 20);
    assert_eq!(frames[0].turn_to.as_ref().unwrap().who, ann);
    assert!(frames.iter().all(|heard| heard.sound == frame(100)));
    assert!(frames[1..].iter().all(|heard| heard.turn_to.is_none()));
    let mut loudest = 0;
    while let Some(tapped) = tapping.sound.recv().await {
        let Sound::Caller(sound) = tapped.sound else {
            panic!("nobody else is recorded here");
        };
        assert_eq!(sound.duration(), Duration::from_millis(10));
        loudest = loudest.max(sound.samples()[0]);
    }
    assert_eq!(loudest, 120);
}

/// A call that is too busy for a frame still learns who speaks.
#[tokio::test]
async fn the_speaker_is_known_although_frames_are_lost() {
    let (to_listen, said) = mpsc::channel(WAITING);
    let (mic, mut heard) = mpsc::channel(1);
    mic.send(Pcm::default().into()).await.unwrap();
    let vad = VadConfig::default();
    let listening = tokio::spawn(listen(said, vad, mic, Tap::default()));
    let ann = Arc::new(Person::default());
    let say = async || {
        let said = Said::Frame(Arc::clone(&ann), Pcm::new(vec![0; 160]));
        to_listen.send(said).await.unwrap();
        // Until it is taken.
        while to_listen.capacity() < WAITING {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
    };
    say().await;
    say().await;
    heard.recv().await.unwrap();
    say().await;
    assert!(heard.recv().await.unwrap().turn_to.is_some());
    drop(to_listen);
    listening.await.unwrap();
}
