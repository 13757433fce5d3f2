use super::*;

#[test]
fn the_larger_model_is_for_machines_with_cores_and_memory_for_it() {
    let recommended = |cores, gigabytes: u64| {
        let memory = gigabytes << 30;
        Machine { cores, memory }.recommended_llm()
    };
    assert_eq!(recommended(8, 16), LlmModel::Large);
    assert_eq!(recommended(2, 16), LlmModel::Small);
    assert_eq!(recommended(8, 4), LlmModel::Small);
    assert_eq!(recommended(8, 0), LlmModel::Small);
}

#[test]
fn memory_is_read_as_linux_tells_it() {
    let text = "MemTotal:       24576000 kB\nMemFree:         1000 kB\n";
    assert_eq!(total(text), Some(24_576_000 << 10));
    assert_eq!(total("MemFree: 1 kB"), None);
}

#[test]
fn every_model_has_its_name() {
    for model in LlmModel::ALL {
        assert_eq!(LlmModel::named(model.name()), Some(model));
        assert!(crate::manifest::model(model.name()).is_some());
    }
    assert_eq!(LlmModel::named("gpt-4o"), None);
}
