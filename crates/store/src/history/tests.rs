#[test]
fn like_signs_are_literal() {
    assert_eq!(super::like_pattern("50%_A\\"), "%50\\%\\_a\\\\%");
}
