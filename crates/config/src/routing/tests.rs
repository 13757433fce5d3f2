use super::*;

fn agents() -> BTreeSet<String> {
    ["default", "sales", "night", "pbx"]
        .map(str::to_owned)
        .into()
}

fn read(text: &str) -> Result<Routing, String> {
    Routing::read("routing.toml", text, &agents()).map_err(|problems| problems.to_string())
}

fn telephone<'a>(number: &'a str, trunk: &'a str, room: &'a str) -> Arrival<'a> {
    Arrival {
        number: Some(number),
        trunk: Some(trunk),
        room,
    }
}

const ROUTES: &str = r#"
[routes.any-number]
number = "*"
agent = "default"
[routes.berlin]
number = "+49 30*"
agent = "sales"
[routes.shop]
number = "+49 (30) 123-4"
agent = "pbx"
[routes.shop-by-night]
number = "+4930123*"
trunk = "ST_night"
agent = "night"
[routes.rooms]
room = "pbx-"
agent = "pbx"
[routes.rooms-by-night]
room = "pbx-night-"
agent = "night"
"#;

#[test]
fn the_most_exact_route_counts() {
    let routing = read(ROUTES).unwrap();
    for (call, agent) in [
        (telephone("+4989777", "ST_1", "r"), Some("default")),
        (telephone("+4930777", "ST_1", "r"), Some("sales")),
        (telephone("+49301234", "ST_1", "r"), Some("pbx")),
        (telephone("49301234", "ST_night", "r"), Some("pbx")),
        (telephone("+493012345", "ST_night", "r"), Some("night")),
        (telephone("+493012345", "ST_1", "r"), Some("sales")),
        // A number is more specific than a room.
        (telephone("+4930777", "ST_1", "pbx-night-1"), Some("sales")),
        (telephone("sales", "ST_1", "r"), Some("default")),
        (
            Arrival {
                room: "pbx-1",
                ..Arrival::default()
            },
            Some("pbx"),
        ),
        (
            Arrival {
                room: "pbx-night-1",
                ..Arrival::default()
            },
            Some("night"),
        ),
        (
            Arrival {
                room: "pbx",
                ..Arrival::default()
            },
            None,
        ),
    ] {
        assert_eq!(routing.agent(call), agent, "{call:?}");
    }
    assert!(routing.speaks_of_telephones());
    let rooms = read("[routes.a]\nroom = \"a\"\nagent = \"pbx\"\n").unwrap();
    assert!(!rooms.speaks_of_telephones() && !rooms.is_empty());
    assert!(read("").unwrap().is_empty());
}

#[test]
fn all_mistakes_are_reported_with_line_and_key() {
    let text = r#"
[routes.a]
number = "+4930*"
agent = "sale"
[routes.b]
agent = "sales"
[routes.c]
number = "+49*30"
agent = "sales"
[routes.d]
trunk = ""
room = "x"
agnt = "sales"
[route.e]
"#;
    assert_eq!(
        read(text).unwrap_err(),
        "routing.toml:4: routes.a.agent = \"sale\": no such agent; did you mean \"sales\"?\n\
         routing.toml:5: routes.b.number or another condition is missing: say for which number, trunk or \
         room this route is\n\
         routing.toml:8: routes.c.number = \"+49*30\" must be a number, such as \"+4930123\", or the \
         beginning of one, such as \"+4930*\"\n\
         routing.toml:10: routes.d.agent is missing; name an agent\n\
         routing.toml:11: routes.d.trunk = \"\" must not be empty; leave it out\n\
         routing.toml:13: unknown key routes.d.agnt; did you mean routes.d.agent?\n\
         routing.toml:14: unknown key route; did you mean routes?"
    );
    let twice = "[routes.a]\ntrunk = \"S\"\nagent = \"sales\"\n[routes.a]\nagent = \"pbx\"\n";
    let error = read(twice).unwrap_err();
    assert!(
        error.starts_with("routing.toml:4: ") && error.contains("duplicate key"),
        "{error}"
    );
}

#[test]
fn routes_that_no_call_can_match_are_mistakes() {
    let doubled = "[routes.a]\nnumber = \"+49 30\"\nagent = \"sales\"\n\
                   [routes.b]\nnumber = \"4930\"\nagent = \"pbx\"\n";
    assert_eq!(
        read(doubled).unwrap_err(),
        "routing.toml:4: routes.b: routes.a is for the same calls; remove one of them"
    );
    let hidden = "[routes.all]\nnumber = \"*\"\nagent = \"sales\"\n\
                  [routes.trunk]\ntrunk = \"ST_1\"\nroom = \"pbx-\"\nagent = \"pbx\"\n";
    assert_eq!(
        read(hidden).unwrap_err(),
        "routing.toml:4: routes.trunk: it is never used, because routes.all takes all its calls; remove one of them"
    );
    // Callers who are not on a telephone are routed by their room.
    let rooms = "[routes.all]\nnumber = \"*\"\nagent = \"sales\"\n\
                 [routes.room]\nroom = \"pbx-\"\nagent = \"pbx\"\n";
    assert!(read(rooms).is_ok());
}
