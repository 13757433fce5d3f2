use super::Info;

#[test]
fn name_and_version_are_read_with_and_without_quotes() {
    let debian = Info::of(
        "PRETTY_NAME=\"Debian GNU/Linux 12\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID='12'\n",
    );
    assert_eq!(
        (debian.os_type(), debian.version()),
        ("Debian GNU/Linux", "12")
    );
    let alpine = Info::of("# from apk\nNAME=Alpine\nVERSION_ID=3.22.1\n");
    assert_eq!((alpine.os_type(), alpine.version()), ("Alpine", "3.22.1"));
}

#[test]
fn a_system_that_does_not_say_has_a_name_nevertheless() {
    let unknown = Info::of("NAME=\nVERSION\n");
    assert_eq!(unknown.os_type(), std::env::consts::OS);
    assert_eq!(unknown.version(), "Unknown");
}
