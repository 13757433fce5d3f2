//! Persons whom the agent calls over a trunk.

use super::*;
use crate::transfer::To;

fn target(keys: &str) -> Result<AgentConfig, Problems> {
    parse(&format!("[tools.transfer.targets.sales]\n{keys}"))
}

#[test]
fn a_person_who_is_briefed_has_a_telephone_and_a_trunk() {
    let agent = target("phone = \"tel:+4930123\"\nwarm = true\ntrunk = \"ST_1\"").unwrap();
    let tools::Action::Transfer(transfer) = &agent.tools[0].action else {
        panic!("{:?}", agent.tools);
    };
    let expected = To::Warm {
        number: "+4930123".into(),
        trunk: "ST_1".into(),
    };
    assert_eq!(transfer.targets[0].to, expected);
    assert!(transfer.question.contains("Press 1"), "{transfer:?}");
    for (keys, problem) in [
        ("phone = \"tel:+4930123\"\nwarm = true", "has no trunk"),
        ("phone = \"tel:+4930123\"\ntrunk = \"ST_1\"", "is not warm"),
        (
            "identity = \"anna\"\nwarm = true",
            "only a telephone is briefed",
        ),
        (
            "phone = \"sip:anna@pbx.example\"\nwarm = true\ntrunk = \"ST_1\"",
            "cannot be dialled over a trunk",
        ),
    ] {
        let refused = target(keys).unwrap_err().to_string();
        assert!(refused.contains(problem), "{keys}: {refused}");
    }
}

#[test]
fn a_telephone_is_not_called_into_an_encrypted_call() {
    let keys = "phone = \"tel:+4930123\"\nwarm = true\ntrunk = \"ST_1\"";
    let encrypted = format!("{keys}\n[encryption]\nkeys = [\"{{{{ secret.desk }}}}\"]");
    let refused = target(&encrypted).unwrap_err().to_string();
    assert!(refused.contains("a telephone has no key"), "{refused}");
}
