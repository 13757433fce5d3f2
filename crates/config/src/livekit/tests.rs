use super::*;

const STRONG: &str = "0123456789abcdef0123456789abcdef";

fn read(pairs: &[(&str, &str)]) -> Result<Result<LiveKit, NotConfigured>, BadVariable> {
    let lookup = |name: &str| {
        let found = pairs.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let is_demo = lookup("SIDETONE_DEMO").is_some();
    LiveKit::read(&Variables(&lookup), is_demo)
}

fn keys(ids: &str, secrets: &str) -> Result<LiveKit, BadVariable> {
    let host = ("LIVEKIT_HOST", "wss://livekit.example.com");
    let all = [
        host,
        ("LIVEKIT_API_KEY", ids),
        ("LIVEKIT_API_SECRET", secrets),
    ];
    read(&all).map(Result::unwrap)
}

#[test]
fn two_keys_are_known_and_the_first_signs() {
    let other = STRONG.replace('0', "z");
    let commas = "a secret, with commas, that is long enough";
    let one = keys("one", commas).unwrap();
    assert_eq!(&*one.keys.first().secret.expose(), commas);
    let livekit = keys("new, old", &format!("{STRONG},{other}")).unwrap();
    assert_eq!(livekit.keys.first().id, "new");
    let all = livekit.keys.all();
    assert_eq!(all[1].id, "old");
    assert_eq!(&*all[1].secret.expose(), other);
    assert!(!format!("{livekit:?}").contains(STRONG));
    for (ids, secrets) in [
        ("new,old", STRONG.to_owned()),
        ("new", format!("{STRONG}\n{other}")),
    ] {
        let error = keys(ids, &secrets).unwrap_err();
        assert_eq!((error.name, error.value.as_str()), ("LIVEKIT_API_KEY", ids));
        assert!(!error.to_string().contains(STRONG));
    }
}

#[test]
fn a_secret_that_everybody_knows_is_for_this_machine_and_demos() {
    for (host, demo, taken) in [
        ("ws://127.0.0.1:7880", false, true),
        ("ws://localhost:7880", false, true),
        ("ws://livekit:7880", false, false),
        ("ws://livekit:7880", true, true),
        ("wss://livekit.example.com", false, false),
    ] {
        let mut all = vec![
            ("LIVEKIT_HOST", host),
            ("LIVEKIT_API_KEY", "devkey"),
            ("LIVEKIT_API_SECRET", "secret"),
        ];
        all.extend(demo.then_some(("SIDETONE_DEMO", "true")));
        match read(&all) {
            Ok(livekit) => {
                assert!(taken, "{host}");
                assert!(livekit.unwrap().weak_secret().unwrap().contains("openssl"));
            }
            Err(error) => {
                assert!(!taken, "{host}");
                assert_eq!(
                    (error.name, error.value.as_str()),
                    ("LIVEKIT_API_SECRET", "…")
                );
                assert!(error.fix.contains("openssl rand"), "{error}");
            }
        }
    }
    assert_eq!(keys("a", STRONG).unwrap().weak_secret(), None);
}

#[test]
fn keys_in_files_are_changed_while_we_run() {
    let folder = std::env::temp_dir().join(format!("sidetone-keys-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    let (ids, secrets) = (file("ids"), file("secrets"));
    let write = |at: &str, text: &str| std::fs::write(at, text).unwrap();
    write(&ids, "old\n");
    write(&secrets, &format!("{STRONG}\n"));
    let all = [
        ("LIVEKIT_HOST", "wss://livekit.example.com"),
        ("LIVEKIT_API_KEY_FILE", ids.as_str()),
        ("LIVEKIT_API_SECRET_FILE", secrets.as_str()),
    ];
    let livekit = read(&all).unwrap().unwrap();
    assert_eq!(livekit.keys.first().id, "old");
    // One file is written before the other.
    write(&ids, "new\nold\n");
    let until = |id: &str| {
        for _ in 0..100 {
            if livekit.keys.first().id == id {
                return true;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        false
    };
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(livekit.keys.first().id, "old", "they do not pair yet");
    write(
        &secrets,
        &format!("{}\n{STRONG}\n", STRONG.replace('0', "z")),
    );
    assert!(until("new"));
    assert_eq!(livekit.keys.all().len(), 2);
    std::fs::remove_dir_all(&folder).unwrap();
    let both = [all[0], all[1], ("LIVEKIT_API_KEY", "a")];
    assert_eq!(read(&both).unwrap_err().name, "LIVEKIT_API_KEY_FILE");
}

#[test]
fn callers_may_have_an_address_of_their_own() {
    let livekit = |public: &str| {
        read(&[
            ("LIVEKIT_HOST", "ws://livekit:7880"),
            ("LIVEKIT_PUBLIC_URL", public),
            ("LIVEKIT_API_KEY", "key"),
            ("LIVEKIT_API_SECRET", STRONG),
        ])
        .map(Result::unwrap)
    };
    let apart = livekit("wss://livekit.example.com/").unwrap();
    assert_eq!(apart.host, "ws://livekit:7880");
    assert_eq!(apart.for_callers(), "wss://livekit.example.com");
    assert_eq!(livekit(" ").unwrap().for_callers(), "ws://livekit:7880");
    for bad in ["https://livekit.example.com", "ws://livekit.example.com"] {
        let error = livekit(bad).unwrap_err();
        assert_eq!(
            (error.name, error.value.as_str()),
            ("LIVEKIT_PUBLIC_URL", bad)
        );
    }
}
