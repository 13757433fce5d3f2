use super::*;

#[test]
fn words_are_posted_in_the_clear_to_this_machine_alone() {
    for good in [
        "https://shop.example/hook",
        "HTTPS://shop.example/hook",
        "https://name:word@shop.example/hook",
        "http://localhost:8080/hook",
        "http://LOCALHOST/hook",
        "http://127.0.0.1:8080",
        "http://[::1]:8080/hook",
    ] {
        assert_eq!(check_webhook(good), Ok(()), "{good}");
    }
    for bad in [
        "http://shop.example/hook",
        "http://localhost:x@shop.example/hook",
        "http://localhost@shop.example/hook",
        "http://127.0.0.1:80@shop.example/hook",
        "http://[::1]@shop.example/",
        "http://name:word@localhost/hook",
        "http://localhost.shop.example/",
        "http://10.0.0.1/hook",
        "https://",
        "https:// shop.example",
        "ftp://localhost/",
        "localhost",
        "",
    ] {
        assert!(check_webhook(bad).is_err(), "{bad}");
    }
}
