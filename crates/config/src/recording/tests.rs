use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<RecordingEnv, BadVariable> {
    let lookup = |name: &str| {
        let found = pairs.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    RecordingEnv::read(&Variables(&lookup))
}

const SET: [(&str, &str); 4] = [
    ("LIVEKIT_RECORDING_BUCKET", "calls"),
    ("LIVEKIT_RECORDING_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "AKIA"),
    ("AWS_SECRET_ACCESS_KEY", "very-secret-value"),
];

#[test]
fn a_bucket_is_all_it_takes_to_record() {
    let none = read(&[]).unwrap();
    assert_eq!(none.default_mode, RecordingMode::Off);
    let set = read(&SET).unwrap();
    assert_eq!(set.default_mode, RecordingMode::Process);
    assert!(!format!("{set:?}").contains("very-secret-value"));
    assert_eq!(
        set.bucket.unwrap().url("a/b.ogg"),
        "https://calls.s3.eu-central-1.amazonaws.com/a/b.ogg"
    );
    let mut other = SET.to_vec();
    other.push(("LIVEKIT_RECORDING_ENDPOINT", "http://127.0.0.1:7070/"));
    assert_eq!(
        read(&other).unwrap().bucket.unwrap().url("a/b.ogg"),
        "http://127.0.0.1:7070/calls/a/b.ogg"
    );
}

#[test]
fn a_key_may_be_good_for_hours_and_a_role_needs_none() {
    let key = |pairs: &[(&str, &str)]| read(pairs).map(|read| read.bucket.unwrap().key);
    let mut session = SET.to_vec();
    session.push(("AWS_SESSION_TOKEN", "very-secret-value-2"));
    let BucketKey::Own { session_token, .. } = key(&session).unwrap() else {
        panic!("a key was given");
    };
    assert_eq!(&*session_token.unwrap().expose(), "very-secret-value-2");
    assert!(!format!("{:?}", key(&session)).contains("very-secret-value"));

    let amazons = &SET[..2];
    assert_eq!(key(amazons).unwrap(), BucketKey::Role(Vec::new()));
    let pod = ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/token");
    let told = key(&[amazons[0], amazons[1], pod]).unwrap();
    assert_eq!(told, BucketKey::Role(vec![(pod.0, pod.1.to_owned())]));

    // Other servers provide no keys.
    let other = ("LIVEKIT_RECORDING_ENDPOINT", "http://127.0.0.1:7070/");
    let error = key(&[SET[0], other]).unwrap_err();
    assert_eq!(error.name, "AWS_ACCESS_KEY_ID");
    let error = key(&[SET[0], SET[1], session[4]]).unwrap_err();
    assert_eq!(error.name, "AWS_ACCESS_KEY_ID");
}

#[test]
fn the_mode_is_said_or_follows_from_the_bucket() {
    let mut egress = SET.to_vec();
    egress.push(("LIVEKIT_RECORDING_MODE", "egress"));
    assert_eq!(read(&egress).unwrap().default_mode, RecordingMode::Egress);
    let process = read(&[("LIVEKIT_RECORDING_MODE", "process")]).unwrap();
    assert_eq!(process.default_mode, RecordingMode::Process);
    for wrong in ["egress", "sometimes"] {
        let error = read(&[("LIVEKIT_RECORDING_MODE", wrong)]).unwrap_err();
        assert_eq!(error.name, "LIVEKIT_RECORDING_MODE");
    }
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    for missing in 1..SET.len() {
        let mut set = SET.to_vec();
        let (name, _) = set.remove(missing);
        assert_eq!(read(&set).unwrap_err().name, name);
    }
    for (name, value) in [
        ("LIVEKIT_RECORDING_ENDPOINT", "s3.example.com"),
        ("LIVEKIT_RECORDING_PATH_STYLE", "maybe"),
        ("SIDETONE_RECORDING_SPOOL_LIMIT", "much"),
    ] {
        let mut set = SET.to_vec();
        set.push((name, value));
        assert_eq!(read(&set).unwrap_err().name, name);
    }
    assert_eq!(bytes("20GB"), Some(20_000_000_000));
    assert_eq!(bytes("17"), Some(17));
    assert_eq!(bytes("99999999999999TB"), None);
}
