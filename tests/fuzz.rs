//! Feeds arbitrary input to everything that reads untrusted data: the kept corpus (`fixtures/fuzz`), and mutations of
//! it with a fixed seed. `make fuzz` runs the same targets for as long as you like, guided by coverage.

mod mutate;
mod target;
mod targets;

use std::path::{Path, PathBuf};

use target::{LONGEST, Target};
use targets::TARGETS;

/// Mutated inputs per target: all targets together take some seconds.
const MUTATIONS: u64 = 300;

fn folder(target: &Target) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz");
    fixtures.join(target.name)
}

/// The kept inputs, by name.
fn corpus(target: &Target) -> Vec<(String, Vec<u8>)> {
    let folder = folder(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let read = |file: PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(file).unwrap())
    };
    files.into_iter().map(read).collect()
}

/// Replays the corpus and mutations of it. Reports where to find an input that failed.
fn holds(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let kept = corpus(target);
    assert!(!kept.is_empty(), "{name} has a corpus");
    // What is made once per process does not count as the cost of an input.
    for (_, input) in &kept {
        (target.run)(input);
    }
    let mut most = (0, 0);
    for (file, input) in &kept {
        assert!(input.len() <= LONGEST, "{file} is too long");
        let cost = target.check(input);
        let cost = cost.unwrap_or_else(|wrong| panic!("fixtures/fuzz/{name}/{file}: {wrong}"));
        most = (most.0.max(cost.peak), most.1.max(cost.taken));
    }
    let inputs: Vec<Vec<u8>> = kept.into_iter().map(|(_, input)| input).collect();
    for seed in 0..MUTATIONS {
        let mut random = fastrand::Rng::with_seed(seed);
        let input = mutate::mutated(&mut random, &inputs, target.words);
        match target.check(&input) {
            Ok(cost) => most = (most.0.max(cost.peak), most.1.max(cost.taken)),
            Err(wrong) => {
                let found = std::env::temp_dir().join(format!("sidetone-fuzz-{name}-{seed}"));
                std::fs::write(&found, &input).unwrap();
                let found = found.display();
                panic!("seed {seed}, kept as {found}: {wrong}");
            }
        }
    }
    eprintln!(
        "{name}: at most {} bytes held, {} allocated",
        most.0, most.1
    );
}

/// Makes one test per target.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            holds(stringify!($name));
        })*

        /// In the order of the list.
        const TESTED: &[&str] = &[$(stringify!($name)),*];
    };
}

tests!(
    chat_answer,
    responses_answer,
    speech_body,
    speech_socket,
    transcript,
    refusal,
    webm,
    mp4,
    pcm,
    ogg,
    wav,
    webhook,
    worker,
    agent_file,
    arguments,
    sentences,
    speech_text,
    description,
    voice_packets,
    encrypted_packet,
    data_packets,
    control_packet,
    doors,
);

#[test]
fn every_target_is_tested_and_every_corpus_is_of_one() {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names, TESTED);
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz");
    for entry in std::fs::read_dir(fixtures).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            names.contains(&name.as_str()) || name == "README.md",
            "{name}"
        );
    }
}

/// Checks that what only a valid agent leads to is tried, too.
#[test]
fn most_of_the_kept_agents_are_valid() {
    let target = TARGETS.iter().find(|target| target.name == "agent_file");
    for (name, input) in corpus(target.unwrap()) {
        let read = targets::agent(&input);
        let is_valid = !["broken", "wrong"].contains(&name.as_str());
        assert_eq!(read.is_ok(), is_valid, "{name}: {:?}", read.err());
    }
}

/// Checks that a reader that allocates more than its input allows is found, and one that panics.
#[test]
fn a_greedy_reader_is_found() {
    let limit = target::Limit {
        per_byte: 4,
        always: 64,
    };
    let reader = |run| Target {
        name: "",
        run,
        holds: limit,
        takes: limit,
        words: &[],
    };
    let honest = reader(|input| drop(input.to_vec()));
    assert!(honest.check(&[0; 100]).is_ok());
    let greedy = reader(|_| drop(std::hint::black_box(vec![0u8; 1_000])));
    assert!(
        greedy
            .check(&[0; 100])
            .unwrap_err()
            .contains("held at once")
    );
    let busy = reader(|input| input.iter().for_each(|_| drop(input.to_vec())));
    assert!(
        busy.check(&[0; 100])
            .unwrap_err()
            .contains("allocated in all")
    );
    let broken = reader(|input| assert!(input.is_empty(), "it is not empty"));
    assert_eq!(
        broken.check(&[0]).unwrap_err(),
        "it panicked: it is not empty"
    );
}
