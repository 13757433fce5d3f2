use super::*;
use crate::faults::ears::Voice;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A caller, and what it hears in frames of 10 ms.
struct Play {
    script: Script,
    ears: Ears,
    now: Duration,
}

impl Play {
    fn new() -> Self {
        Self {
            script: Script::new(Duration::ZERO),
            ears: Ears::default(),
            now: Duration::ZERO,
        }
    }

    /// Lets `who` be heard for this long; `None` is silence. Returns the caller's first action.
    fn hears(&mut self, who: &str, sound: Option<Sound>, lasts: Duration) -> Action {
        let voice = Voice {
            identity: who.into(),
            track: "TR".into(),
        };
        let step = sound.map_or(0.0, Sound::hz) * std::f64::consts::TAU / 48_000.0;
        let begun = self.now;
        while self.now < begun + lasts {
            let first = (self.now.as_millis() * 48) as f64;
            let frame: Vec<i16> = (0..480)
                .map(|n| (((first + f64::from(n)) * step).sin() * 8_192.0) as i16)
                .collect();
            self.ears.push(&voice, self.now, &frame);
            self.now += MS(10);
            match self.script.tick(self.now, &self.ears) {
                Action::Wait => {}
                action => return action,
            }
        }
        Action::Wait
    }

    /// The question that it wants to ask takes two seconds.
    fn asks(&mut self) {
        let start = self.now;
        self.now += MS(2_000);
        self.script.said(Span {
            start,
            end: self.now,
        });
    }

    fn answered(&mut self, who: &str, n: usize) {
        let sound = Sound::Answer { n, remembers: true };
        assert_eq!(self.hears(who, Some(sound), answer_lasts(n)), Action::Wait);
    }
}

#[test]
fn a_caller_asks_on_when_it_was_answered_and_hangs_up_after_the_faults() {
    let mut play = Play::new();
    assert_eq!(play.hears("a", None, MS(3_000)), Action::Wait);
    assert_eq!(
        play.hears("a", Some(Sound::Greeting), MS(1_500)),
        Action::Wait
    );
    assert_eq!(play.hears("a", None, MS(2_000)), Action::Ask(0));
    play.asks();
    play.answered("a", 0);
    assert_eq!(play.hears("a", None, MS(2_000)), Action::Ask(1));
    play.asks();
    play.script.finish(play.now);
    play.answered("a", 1);
    // This one was asked before the faults were over.
    assert_eq!(play.hears("a", None, MS(2_000)), Action::Ask(2));
    play.asks();
    play.answered("a", 2);
    assert_eq!(play.hears("a", None, MS(2_000)), Action::HangUp);
    assert_eq!((play.script.answered(), play.script.is_alone()), (3, false));
}

#[test]
fn half_an_answer_is_not_an_answer_and_a_new_greeting_is_asked_at_once() {
    let mut play = Play::new();
    play.hears("a", Some(Sound::Greeting), MS(1_500));
    assert_eq!(play.hears("a", None, MS(2_000)), Action::Ask(0));
    play.asks();
    let half = Sound::Answer {
        n: 0,
        remembers: true,
    };
    play.hears("a", Some(half), MS(1_000));
    assert_eq!(play.hears("a", None, MS(8_000)), Action::Wait);
    assert_eq!(
        play.hears("b", Some(Sound::Greeting), MS(1_500)),
        Action::Wait
    );
    assert_eq!(play.hears("b", None, MS(2_000)), Action::Ask(0));
    play.asks();
    play.answered("b", 0);
    assert_eq!(play.hears("b", None, MS(2_000)), Action::Ask(1));
    assert_eq!(play.script.asked().len(), 2);
    assert_eq!(play.script.mine().len(), 1, "asking again is waiting");
}

#[test]
fn a_caller_asked_to_repeat_does_so_at_once() {
    let mut play = Play::new();
    play.hears("a", Some(Sound::Greeting), MS(1_500));
    assert_eq!(play.hears("a", None, MS(2_000)), Action::Ask(0));
    play.asks();
    // An apology asks for nothing.
    assert_eq!(play.hears("b", Some(Sound::Other), MS(900)), Action::Wait);
    assert_eq!(play.hears("b", None, MS(2_000)), Action::Wait);
    let asks = Sound::AsksAgain;
    assert_eq!(play.hears("b", Some(asks), MS(900)), Action::Wait);
    assert_eq!(play.hears("b", None, MS(2_000)), Action::Ask(0));
}

#[test]
fn a_caller_who_is_never_answered_asks_again_and_gives_up() {
    let mut play = Play::new();
    play.hears("a", Some(Sound::Greeting), MS(1_500));
    assert_eq!(play.hears("a", None, MS(2_000)), Action::Ask(0));
    play.asks();
    let mut asked = 1;
    while play.hears("a", None, MS(100_000)) == Action::Ask(0) {
        asked += 1;
        play.asks();
    }
    assert!((4..8).contains(&asked), "{asked}");
    assert!(play.script.is_alone());
    assert!(play.now < MS(80_000), "{:?}", play.now);
}
