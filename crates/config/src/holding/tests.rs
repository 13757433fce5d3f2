use super::super::files;
use super::super::section::{Reader, Source};
use super::*;
use sidetone_base::audio::wav;
use std::path::Path;

fn read_text(text: &str, folder: &Path) -> (Option<Holding>, Vec<String>) {
    let reader = Reader::default();
    let source = Source {
        file: "a.toml",
        text,
    };
    let mut top = Section::parse(&reader, &[source]);
    let holding = read(
        top.section("holding"),
        &Files::new(folder, &files::from_disk),
    );
    top.finish();
    let problems = reader.into_problems();
    let messages = problems.into_iter().map(|problem| problem.message);
    (holding, messages.collect())
}

#[test]
fn a_sound_is_a_wav_file_beside_the_agents() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("soft.wav");
    wav::write(&path, &Pcm::<16_000>::new(vec![7; 16_000])).unwrap();
    let (holding, problems) =
        read_text("[holding]\nsound = \"soft.wav\"\nvolume = 1", folder.path());
    assert!(problems.is_empty(), "{problems:?}");
    let holding = holding.unwrap();
    assert_eq!(
        holding,
        Holding {
            sound: Sound::File(path),
            after: Duration::from_millis(1_500),
            volume: 1.0
        }
    );
    assert_eq!(holding.read().unwrap().duration(), Duration::from_secs(1));
    // without one it is silent
    let (holding, problems) = read_text("[holding]\nafter = \"2s\"", folder.path());
    assert_eq!((holding, problems.len()), (None, 0));
}

#[test]
fn a_file_that_is_no_sound_is_a_mistake_of_the_agents_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    file("words.wav", b"words");
    file("large.wav", &vec![0; (4 << 20) + 1]);
    let short = folder.path().join("short.wav");
    wav::write(&short, &Pcm::<48_000>::new(vec![7; 480])).unwrap();
    for (name, expected) in [
        ("none.wav", "cannot be read: No such file"),
        ("words.wav", "is not a WAV file"),
        (
            "large.wav",
            "has 4194305 bytes, but may have at most 4194304",
        ),
        ("short.wav", "lasts 10ms; it must last at least 100ms"),
    ] {
        let text = format!("[holding]\nsound = {name:?}");
        let (_, problems) = read_text(&text, folder.path());
        let begins = format!("holding.sound = {name:?}: ");
        assert!(problems.len() == 1, "{problems:?}");
        assert!(problems[0].contains(&begins), "{problems:?}");
        assert!(problems[0].contains(expected), "{problems:?}");
    }
}
