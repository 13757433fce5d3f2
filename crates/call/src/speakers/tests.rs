use super::*;
use sidetone_base::clock;
use sidetone_config::agent::VadConfig;

const FRAME: Duration = Duration::from_millis(10);
const QUIET: i16 = 300;
const NORMAL: i16 = 3_000;
const LOUD: i16 = 15_000;

/// A room in which everybody's frames come every 10 ms.
struct Room {
    speakers: Speakers,
    now: Instant,
    people: Vec<(Arc<Person>, i16)>,
    /// Whom the call has turned to, when, and how much it was given of before.
    turns: Vec<(u128, String, u128)>,
    /// What the call was given, in frames.
    given: usize,
    zero: Instant,
}

fn person(identity: &str) -> Arc<Person> {
    Arc::new(Person {
        identity: identity.into(),
        name: String::new(),
    })
}

impl Room {
    fn of(people: &[&str]) -> Self {
        let zero = clock::now();
        let vad = || Vad::by_level(&VadConfig::default(), -50.0);
        Self {
            speakers: Speakers::new(vad, Duration::from_millis(100)),
            now: zero,
            people: people.iter().map(|who| (person(who), 0)).collect(),
            turns: Vec::new(),
            given: 0,
            zero,
        }
    }

    /// From now on somebody speaks so loudly; 0 is silence.
    fn speaks(&mut self, who: &str, level: i16) {
        let is_it = |one: &&mut (Arc<Person>, i16)| one.0.identity == who;
        self.people.iter_mut().find(is_it).unwrap().1 = level;
    }

    fn passes(&mut self, ms: u64) {
        for _ in 0..ms / 10 {
            self.now += FRAME;
            let mut heard = 0;
            for (who, level) in &self.people {
                let sound = Pcm::new(vec![*level; 160]);
                let Some(frame) = self.speakers.hear(self.now, who, sound.clone()) else {
                    continue;
                };
                assert_eq!(frame.sound, sound);
                heard += 1;
                if let Some(turn_to) = frame.turn_to {
                    let at = (self.now - self.zero).as_millis();
                    let earlier = turn_to.earlier.duration().as_millis();
                    let who = turn_to.who.identity.clone();
                    let how = if turn_to.replaces { "instead " } else { "" };
                    self.turns.push((at, format!("{how}{who}"), earlier));
                }
            }
            self.given += heard;
        }
    }

    fn leaves(&mut self, who: &str) {
        self.people.retain(|(person, _)| person.identity != who);
        self.speakers.left(who);
    }

    /// Whom the call has turned to since the last look.
    #[track_caller]
    fn turned_to(&mut self, expected: &[&str]) {
        let turns = std::mem::take(&mut self.turns);
        let names: Vec<_> = turns.iter().map(|(_, who, _)| who.as_str()).collect();
        assert_eq!(names, expected, "{turns:?}");
    }
}

#[test]
fn one_voice_passes_as_it_comes() {
    let mut room = Room::of(&["ann"]);
    room.passes(500);
    room.speaks("ann", NORMAL);
    room.passes(500);
    room.speaks("ann", 0);
    room.passes(500);
    room.turned_to(&["ann"]);
    assert_eq!(room.given, 150);
}

#[test]
fn whoever_begins_in_silence_is_heard_from_the_first_sound() {
    let mut room = Room::of(&["ann", "bob"]);
    room.passes(1000);
    room.turned_to(&["ann"]);
    room.speaks("bob", NORMAL);
    room.passes(300);
    // 50 ms make it speech; the frame with which that is known comes beside what was before.
    assert_eq!(room.turns, [(1050, "bob".to_owned(), 140)]);
    room.turned_to(&["bob"]);
    room.speaks("bob", 0);
    room.passes(300);
    room.speaks("ann", NORMAL);
    room.passes(300);
    room.turned_to(&["ann"]);
}

#[test]
fn a_speaker_is_not_displaced_by_another_voice() {
    let mut room = Room::of(&["ann", "bob"]);
    room.speaks("ann", NORMAL);
    room.passes(1000);
    room.speaks("bob", NORMAL);
    room.passes(1000);
    room.speaks("bob", 0);
    room.passes(1000);
    room.speaks("ann", 0);
    room.passes(1000);
    room.turned_to(&["ann"]);
}

#[test]
fn a_second_speaker_is_heard_from_the_beginning_once_the_first_has_finished() {
    let mut room = Room::of(&["ann", "bob"]);
    room.speaks("ann", NORMAL);
    room.passes(1000);
    room.speaks("bob", NORMAL);
    room.passes(500);
    room.speaks("ann", 0);
    room.passes(290);
    room.turned_to(&["ann"]);
    room.passes(100);
    let (at, _, earlier) = room.turns[0];
    assert_eq!(
        (at, earlier),
        (1800, 890),
        "800 ms of speech and what was before"
    );
    room.turned_to(&["bob"]);
}

#[test]
fn a_speaker_who_follows_at_once_is_heard_when_the_first_stops() {
    let mut room = Room::of(&["ann", "bob"]);
    room.speaks("ann", NORMAL);
    room.passes(1000);
    room.speaks("ann", 0);
    room.speaks("bob", NORMAL);
    room.passes(250);
    room.turned_to(&["ann", "bob"]);
}

#[test]
fn one_voice_in_two_microphones_is_one_voice() {
    let mut room = Room::of(&["ann", "bob"]);
    for _ in 0..5 {
        room.speaks("ann", NORMAL);
        room.passes(20);
        room.speaks("bob", QUIET);
        room.passes(1500);
        room.speaks("ann", 0);
        // The room's echo.
        room.passes(100);
        room.speaks("bob", 0);
        room.passes(1000);
    }
    room.turned_to(&["ann"]);
}

#[test]
fn the_nearer_of_two_microphones_is_turned_to() {
    let mut room = Room::of(&["ann", "bob"]);
    room.speaks("ann", QUIET);
    room.passes(10);
    room.speaks("bob", NORMAL);
    room.passes(1500);
    room.turned_to(&["ann", "instead bob"]);
    for who in ["ann", "bob"] {
        room.speaks(who, 0);
    }
    room.passes(1000);
    room.turned_to(&[]);
}

#[test]
fn noise_does_not_lock_the_others_out() {
    let mut room = Room::of(&["radio", "bob"]);
    room.speaks("radio", NORMAL);
    room.passes(10_000);
    room.speaks("bob", LOUD);
    room.passes(1000);
    room.turned_to(&["radio", "instead bob"]);
}

#[test]
fn a_speaker_who_leaves_in_mid_speech_frees_the_floor() {
    let mut room = Room::of(&["ann", "bob"]);
    room.passes(100);
    room.speaks("ann", NORMAL);
    room.passes(1000);
    room.speaks("bob", NORMAL);
    room.passes(200);
    room.turned_to(&["ann"]);
    room.leaves("ann");
    room.passes(10);
    assert_eq!(
        room.turns[0].2, 300,
        "what he has said meanwhile, and a little before"
    );
    room.turned_to(&["bob"]);
    room.leaves("bob");
    room.passes(100);
    room.turned_to(&[]);
}

#[test]
fn a_silent_person_is_heard_once_the_other_has_left() {
    let mut room = Room::of(&["ann", "bob"]);
    room.passes(1000);
    room.leaves("ann");
    room.passes(10);
    assert_eq!(room.turns[1], (1010, "bob".to_owned(), 0));
}

#[test]
fn a_muted_microphone_is_silent() {
    let mut room = Room::of(&["ann", "bob"]);
    room.speaks("ann", NORMAL);
    room.passes(1000);
    // Muted: its frames go on, silent.
    room.speaks("ann", 0);
    room.passes(200);
    room.speaks("bob", NORMAL);
    room.passes(200);
    room.turned_to(&["ann", "bob"]);
}

#[test]
fn newcomers_are_heard_up_to_a_number() {
    let names: Vec<String> = (0..MOST + 2).map(|n| format!("p{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut room = Room::of(&names);
    room.passes(100);
    room.turned_to(&["p0"]);
    room.speaks("p9", NORMAL);
    room.passes(500);
    room.turned_to(&[]);
    // A place is free, and the next one who comes has it.
    room.leaves("p3");
    room.leaves("p8");
    room.speaks("p9", 0);
    room.passes(500);
    room.speaks("p9", NORMAL);
    room.passes(500);
    room.turned_to(&["p9"]);
}

#[test]
fn only_some_seconds_of_a_voice_are_kept() {
    let mut room = Room::of(&["ann", "bob"]);
    room.speaks("ann", NORMAL);
    room.passes(1000);
    room.speaks("bob", NORMAL);
    room.passes(60_000);
    room.speaks("ann", 0);
    room.passes(1000);
    let kept = (KEEP - FRAME).as_millis();
    assert_eq!(room.turns[1].2, kept);
}
