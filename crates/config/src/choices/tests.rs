use super::*;

fn choices(variables: &[&str]) -> UserChoices {
    UserChoices {
        may_choose: false,
        variables: variables.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn seen(choices: &UserChoices, caller: Caller, names: &[&str]) -> Vec<String> {
    let attributes = names.iter().map(|name| ((*name).to_owned(), "x".into()));
    let caller = Caller {
        attributes: attributes.collect(),
        ..caller
    };
    let (seen, passed) = choices.attributes(&caller);
    assert_eq!(seen.len() + passed.len(), names.len());
    seen.into_keys().collect()
}

#[test]
fn what_a_caller_writes_is_seen_only_where_the_file_lists_it() {
    let all = [
        "plan",
        "sip.phoneNumber",
        "sip.h.x-plan",
        "lk.agent.state",
        "sidetone.epoch",
    ];
    let telephone = Caller {
        by_telephone: true,
        writes_attributes: true,
        ..Caller::default()
    };
    let writer = Caller {
        writes_attributes: true,
        ..Caller::default()
    };
    let signed = Caller::default();
    let none = choices(&[]);
    assert_eq!(seen(&none, telephone.clone(), &all), ["sip.phoneNumber"]);
    assert_eq!(seen(&none, writer.clone(), &all), [""; 0]);
    assert_eq!(seen(&none, signed.clone(), &all), ["plan"]);
    let listed = choices(&["plan", "sip.h.x-plan", "lk.agent.state"]);
    assert_eq!(
        seen(&listed, telephone, &all),
        ["plan", "sip.h.x-plan", "sip.phoneNumber"]
    );
    assert_eq!(seen(&listed, writer, &all), ["plan", "sip.h.x-plan"]);
    assert_eq!(seen(&listed, signed, &all), ["plan", "sip.h.x-plan"]);
}

#[test]
fn reserved_names_cannot_be_taken() {
    for name in [
        "caller",
        "secret",
        "secret.booking",
        "args",
        "lk.agent",
        "LK.agent",
        "sip.from",
        "sidetone_prompt",
        "Sidetone.agent",
        "sidetone",
    ] {
        assert!(check_variable(name).is_err(), "{name}");
    }
    for name in [
        "company",
        "sipping",
        "lkw",
        "sidetones",
        "customer.id",
        "Straße",
    ] {
        check_variable(name).unwrap();
    }
    for identity in [
        "agent-AJ_1",
        "Agent-x",
        "sip_+4930",
        "EG_1",
        "sidetone-observer",
    ] {
        assert!(check_identity(identity).is_err(), "{identity}");
    }
    for identity in ["ann", "agent", "agents-7", "sipho", "EGon", "ägent-1"] {
        check_identity(identity).unwrap();
    }
}
