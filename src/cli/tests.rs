use super::*;
use clap::CommandFactory;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn a_turn_may_be_a_barge_in() {
    let plain: TurnArg = "a@b.wav".parse().unwrap();
    assert_eq!(
        plain,
        TurnArg {
            file: "a@b.wav".into(),
            cue: Cue::AgentDone
        }
    );
    let barge_in: TurnArg = "a@b.wav@800ms".parse().unwrap();
    assert_eq!(barge_in.file, PathBuf::from("a@b.wav"));
    assert_eq!(
        barge_in.cue,
        Cue::AgentSpeakingFor(Duration::from_millis(800))
    );
    assert!(
        "a.wav@1.5ms"
            .parse::<TurnArg>()
            .unwrap_err()
            .contains("whole milliseconds")
    );
}
