#[test]
fn a_token_is_a_word_with_the_space_before_it() {
    assert_eq!(
        super::tokens("It is  noon.\n"),
        ["It", " is", "  noon.", "\n"]
    );
    assert!(super::tokens("").is_empty());
}
