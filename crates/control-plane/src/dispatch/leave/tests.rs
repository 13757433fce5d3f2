use super::*;

#[test]
fn only_the_dispatch_that_is_named_is_asked() {
    let asked = request("AD_1", Duration::from_secs(15)).to_string();
    let asked = asked.as_bytes();
    assert_eq!(read(asked, "AD_1"), Some(Duration::from_secs(15)));
    assert_eq!(read(asked, "AD_2"), None);
    assert_eq!(read(b"{}", "AD_1"), None);
    // An agent that does not know its dispatch obeys no request.
    let anybody = request("", Duration::from_secs(1)).to_string();
    assert_eq!(read(anybody.as_bytes(), ""), None);
    let long = request("AD_1", Duration::from_secs(3_600)).to_string();
    assert_eq!(read(long.as_bytes(), "AD_1"), Some(LONGEST));
}
