use super::super::section::{Reader, Source};
use super::*;

fn read_text(text: &str) -> (Menu, Vec<String>) {
    let reader = Reader::default();
    let source = Source {
        file: "a.toml",
        text,
    };
    let mut top = Section::parse(&reader, &[source]);
    let menu = read(&mut top, &["desk"]);
    top.finish();
    let problems = reader.into_problems();
    (menu, problems.iter().map(ToString::to_string).collect())
}

#[test]
fn a_key_says_something_or_leads_to_an_agent_a_person_the_model_or_the_end() {
    let (menu, problems) = read_text(
        "[menu.1]\nagent = \"sales\"\n[menu.2]\ntransfer = \"desk\"\nsay = \"One moment.\"\n\
         [menu.3]\nsay = \" From nine to six. \"\n[menu.\"*\"]\nnote = \"They want a table.\"\n\
         [menu.\"#\"]\nend = true",
    );
    assert!(problems.is_empty(), "{problems:?}");
    let expected = [
        (
            '1',
            Choice::Agent {
                name: "sales".into(),
                say: None,
            },
        ),
        (
            '2',
            Choice::Person {
                name: "desk".into(),
                say: Some("One moment.".into()),
            },
        ),
        ('3', Choice::Say("From nine to six.".into())),
        ('*', Choice::Note("They want a table.".into())),
        ('#', Choice::End { say: None }),
    ];
    assert_eq!(menu, Menu::from(expected));
    assert_eq!(agents(&menu).collect::<Vec<_>>(), [('1', "sales")]);
}

#[test]
fn an_entry_that_cannot_be_chosen_or_does_nothing_is_a_mistake() {
    for (text, expected) in [
        ("[menu.10]\nsay = \"Ten.\"", "is not a telephone key"),
        ("[menu.a]\nsay = \"A.\"", "is not a telephone key"),
        ("[menu.1]", "menu.1 does nothing"),
        ("[menu.1]\nsay = \" \"", "menu.1 does nothing"),
        (
            "[menu.1]\nend = true\nagent = \"b\"",
            "has more than one of agent",
        ),
        ("[menu.1]\ntransfer = \"dusk\"", "there are desk"),
        ("[menu.1]\nnote = \"A.\"\nsay = \"B.\"", "has say and note"),
        ("[menu.1]\nsays = \"A.\"", "unknown key"),
    ] {
        let (menu, problems) = read_text(text);
        assert!(menu.is_empty(), "{text}: {menu:?}");
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{text}: {problems:?}"
        );
    }
}
