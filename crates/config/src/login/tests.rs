use super::*;

fn read_from(pairs: &[(&str, &str)]) -> Result<UserLogin, BadVariable> {
    let lookup = |name: &str| {
        let found = pairs.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    read(&Variables(&lookup))
}

#[test]
fn a_secret_that_can_be_guessed_is_refused_with_how_to_make_one() {
    for weak in ["a", "secret", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let error = read_from(&[("SIDETONE_JWT_SECRET", weak)]).unwrap_err();
        assert_eq!(
            (error.name, error.value.as_str()),
            ("SIDETONE_JWT_SECRET", "…")
        );
        assert!(error.fix.contains("openssl rand -base64 48"), "{error}");
    }
    read_from(&[("SIDETONE_JWT_SECRET", "0123456789abcdef0123456789abcdef")]).unwrap();
}

#[test]
fn a_login_of_keys_says_whose_tokens_it_takes() {
    let url = ("SIDETONE_JWKS_URL", "https://login.example.com/jwks");
    let issuer = ("SIDETONE_JWT_ISSUER", "https://login.example.com");
    let audience = ("SIDETONE_JWT_AUDIENCE", "voice");
    let error = read_from(&[url]).unwrap_err();
    assert_eq!(error.name, url.0);
    assert!(
        error
            .fix
            .contains("SIDETONE_JWT_ISSUER and SIDETONE_JWT_AUDIENCE"),
        "{error}"
    );
    for (one, missing) in [(issuer, audience.0), (audience, issuer.0)] {
        let told = read_from(&[url, one]).unwrap().too_trusting().unwrap();
        assert!(told.contains(missing), "{told}");
    }
    assert_eq!(
        read_from(&[url, issuer, audience]).unwrap().too_trusting(),
        None
    );
    let here = read_from(&[(url.0, "http://127.0.0.1:8080/jwks")]).unwrap();
    assert!(here.too_trusting().is_some());
    for bad in [
        "http://login.example.com/jwks",
        "login.example.com",
        "ftp://10.0.0.1/jwks",
    ] {
        let error = read_from(&[(url.0, bad), issuer, audience]).unwrap_err();
        assert_eq!((error.name, error.value.as_str()), (url.0, bad));
    }
    read_from(&[(url.0, "http://keycloak:8080/jwks"), issuer]).unwrap();
}
