use super::super::Outcome;
use super::*;

fn look(names: &[&str]) -> Item {
    variables(names.iter().map(|name| (*name).to_owned()))
}

#[test]
fn a_typing_mistake_is_found() {
    assert_eq!(look(&["PATH", "SIDETONE_BIND"]).outcome, Outcome::Ok);
    let strange = look(&["SIDETONE_BINDD", "SIDETONE_DEMO", "LIVEKIT_HOSTS"]);
    assert_eq!(strange.outcome, Outcome::Note);
    assert!(strange.found.starts_with("LIVEKIT_HOSTS, SIDETONE_BINDD"));
}

#[test]
fn every_variable_that_the_environment_reads_is_known() {
    let sources = [
        include_str!("../../../crates/config/src/env.rs"),
        include_str!("../../../crates/config/src/recording.rs"),
    ];
    let code = sources.map(|source| source.split("#[cfg(test)]").next().unwrap());
    let code = code.concat();
    let quoted = code.split('"').skip(1).step_by(2);
    let names: Vec<&str> = quoted
        .filter(|text| text.starts_with("SIDETONE_") || text.starts_with("LIVEKIT_"))
        .filter(|text| text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
        .collect();
    assert!(names.len() > 20, "{names:?}");
    assert_eq!(look(&names).outcome, Outcome::Ok, "{}", look(&names).found);
}
