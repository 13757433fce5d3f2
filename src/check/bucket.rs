//! The bucket that recordings go to, as far as the environment tells.

use super::Item;

const BUCKET: &str = "LIVEKIT_RECORDING_BUCKET";
/// What a bucket needs beside its name.
const NEEDED: [&str; 3] = [
    "LIVEKIT_RECORDING_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
];

/// Whether calls can be recorded. Recording is optional: without a bucket it is off.
pub fn bucket(lookup: impl Fn(&str) -> Option<String>) -> Item {
    let value = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
    let Some(bucket) = value(BUCKET) else {
        return Item::note(
            "bucket",
            format!("{BUCKET} is not set: calls are not recorded"),
            format!("to record, set {BUCKET}, {}", NEEDED.join(", ")),
        );
    };
    let missing: Vec<&str> = NEEDED
        .into_iter()
        .filter(|name| value(name).is_none())
        .collect();
    if missing.is_empty() {
        Item::ok("bucket", format!("{bucket}, with region and keys"))
    } else {
        Item::wrong(
            "bucket",
            format!("{bucket}, but {} not set", missing.join(", ")),
            format!("set {}, or unset {BUCKET}", missing.join(", ")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;

    #[test]
    fn a_bucket_is_optional_but_whole() {
        let with = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            bucket(|name| {
                let set = names.iter().any(|known| known == name);
                set.then(|| "very-secret-value".to_owned())
            })
        };
        assert_eq!(with(&[]).outcome, Outcome::Note);
        let half = with(&[BUCKET, "AWS_ACCESS_KEY_ID"]);
        assert_eq!(half.outcome, Outcome::Wrong);
        let fix = half.fix.unwrap();
        assert!(fix.contains("AWS_SECRET_ACCESS_KEY") && fix.contains("LIVEKIT_RECORDING_REGION"));
        let whole = with(&[BUCKET, NEEDED[0], NEEDED[1], NEEDED[2]]);
        assert_eq!(whole.outcome, Outcome::Ok);
    }
}
