use sqlx::ConnectOptions as _;

use super::*;

#[test]
fn parameters_of_other_programs_are_understood() {
    let (options, is_named) =
        options("postgres://u:p%40ss@db.example.com/d?sslmode=require&pgbouncer=true").unwrap();
    assert!(is_named);
    assert_eq!(options.get_host(), "db.example.com");
    assert!(matches!(options.get_ssl_mode(), PgSslMode::Require));
    assert!(options.to_url_lossy().as_str().contains("u:p%40ss@"));

    let url = "postgres://u@h/d?channel_binding=require&sslrootcert=system";
    let (options, is_named) = super::options(url).unwrap();
    assert!(!is_named);
    assert!(matches!(options.get_ssl_mode(), PgSslMode::VerifyFull));
    assert!(!options.to_url_lossy().as_str().contains("system"));
}

#[test]
fn an_address_that_cannot_be_read_is_an_error_without_its_password() {
    let error = options("postgres://u:very-secret@h:port/d").unwrap_err();
    assert!(!error.to_string().contains("very-secret"), "{error}");
}
