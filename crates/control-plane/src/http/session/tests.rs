use super::*;

#[test]
fn only_a_whole_token_is_looked_for() {
    let of = |line: &str| {
        token(&HeaderMap::from_iter([(
            header::COOKIE,
            line.parse().unwrap(),
        )]))
    };
    let cookie = URL_SAFE_NO_PAD.encode([7; 32]);
    let found = of(&format!("theme=dark; {COOKIE}={cookie}; x=y"));
    assert_eq!(found, Some(Sha256::digest([7; 32]).into()));
    for line in [
        "",
        COOKIE,
        "sidetone_session=",
        "sidetone_session=AAAA",
        "sidetone_session=*",
    ] {
        assert_eq!(of(line), None, "{line}");
    }
    assert_eq!(of(&format!("{COOKIE}={cookie}A")), None);
    assert_eq!(of(&format!("x{COOKIE}={cookie}")), None);
}

#[test]
fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let line = cookie("v", VALID, true);
    assert_eq!(
        line,
        "sidetone_session=v; Path=/; Max-Age=28800; HttpOnly; SameSite=Strict; Secure"
    );
    assert!(
        !cookie("v", VALID, false)
            .to_str()
            .unwrap()
            .contains("Secure")
    );
}
