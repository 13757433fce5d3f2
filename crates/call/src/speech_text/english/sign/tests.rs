use super::*;

#[test]
fn only_clearly_english_text_counts_as_english() {
    for text in [
        "We are open from 9:00 to 17:30.",
        "It costs $3.50.",
        "The price is 20%, and that's all.",
        "You can call us at 555-0142.",
    ] {
        assert!(is_english(text), "{text}");
    }
    for text in [
        "Es ist 9:00.",
        "Wir haben um 9:00 Uhr offen, und es kostet 45,50 €.",
        "Das Album „The Best of You“ kostet 12,50 €.",
        "Het kost 45,50 euro en is open van 9:00 tot 17:00.",
        "Is het open?",
        "Cuesta 45,50 € y abrimos a las 9:00.",
        "Le magasin ouvre à 9:00.",
        "Costa 45,50 euro, dalle 9:00.",
        "Butiken har 20% rabatt fra 9:00.",
        "9:00 - 17:00",
        "OK, 9:00.",
        "我们 the 9:00 and you",
    ] {
        assert!(!is_english(text), "{text}");
    }
}
