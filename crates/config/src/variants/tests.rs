use super::*;

#[test]
fn calls_are_shared_out_by_weight_and_always_alike() {
    let variant = |name: &str, weight| Variant {
        name: name.into(),
        weight,
        ..Variant::default()
    };
    let variants = [variant("b", 20), variant("c", 0), variant("d", 30)];
    let mut counts = std::collections::BTreeMap::new();
    for n in 0..10_000_u128 {
        let id = Uuid::from_u128(n);
        let chosen = choose(&variants, id).map_or("", |variant| &variant.name);
        assert_eq!(choose(&variants, id).map_or("", |v| &v.name), chosen);
        *counts.entry(chosen).or_insert(0) += 1;
    }
    // Five standard deviations of a fair draw are at most 250.
    let near = |name: &str, wanted: i32| (counts[name] - wanted).abs() < 250;
    assert!(
        near("", 5_000) && near("b", 2_000) && near("d", 3_000),
        "{counts:?}"
    );
    assert!(!counts.contains_key("c"));
}
