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
            says: SaysArg::File("a@b.wav".into()),
            cue: Cue::AgentDone
        }
    );
    let barge_in: TurnArg = "a@b.wav@800ms".parse().unwrap();
    assert_eq!(barge_in.says, SaysArg::File("a@b.wav".into()));
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

#[test]
fn a_turn_may_be_telephone_keys() {
    let keys = |text: &str| text.parse::<TurnArg>();
    let pressed = keys("keys:1#@500ms").unwrap();
    let signs = [Key::new('1').unwrap(), Key::new('#').unwrap()];
    assert_eq!(pressed.says, SaysArg::Keys(signs.into()));
    assert_eq!(
        pressed.cue,
        Cue::AgentSpeakingFor(Duration::from_millis(500))
    );
    assert!(keys("keys:").unwrap_err().contains("no keys"));
    assert!(
        keys("keys:1x")
            .unwrap_err()
            .contains("'x' is not a telephone key")
    );
}

#[test]
fn a_telephone_asks_no_server_for_a_token() {
    let parse = |more: &str| {
        Cli::try_parse_from(
            ["sidetone", "call", "a.wav"]
                .into_iter()
                .chain(more.split(' ')),
        )
    };
    assert!(parse("--phone --number +4930123 --dials +4930555").is_ok());
    assert!(parse("--phone --agent sales").is_err());
    assert!(parse("--dials +4930555").is_err());
}
