use serde_json::json;

use super::*;

#[test]
fn fills_in_variables_once() {
    let values = json!({"name": "{{company}}", "company": "Acme & <Sons>", "vip": true});
    let fill = |template: &str| fill(template, &values).unwrap();
    assert_eq!(
        fill("Hi {{name}} of {{ company }}."),
        "Hi {{company}} of Acme & <Sons>."
    );
    assert_eq!(fill("no braces { } here"), "no braces { } here");
    assert_eq!(fill("{% if vip %}Dear{% else %}Hi{% endif %}"), "Dear");
    assert_eq!(fill("{{ a.b.c }}{{ d | default('x') }}"), "x");
}

#[test]
fn what_goes_into_an_address_stays_one_part_of_it() {
    let values = json!({"day": "1/../2?x=ä b&c#d", "none": null});
    let url = fill_url("https://a.b/{{ day }}/{{ none }}x?y={{ day }}", &values).unwrap();
    let escaped = "1%2F..%2F2%3Fx%3D%C3%A4%20b%26c%23d";
    assert_eq!(url, format!("https://a.b/{escaped}/x?y={escaped}"));
    assert!(fill_url("https://a.b/{{ up }}", &json!({"up": ".."})).is_err());
}

#[test]
fn says_where_a_template_is_wrong() {
    let fails = |template: &str| fill(template, &json!({})).unwrap_err();
    assert_eq!(fails("a\n\n{{open").0, 3);
    let (line, message) = fails("a\n{{ x | shout }}");
    assert_eq!(line, 2);
    assert!(message.contains("shout"), "{message}");
    // A call must not run a billion steps.
    fails("{% for a in range(9999) %}{% for b in range(9999) %}.{% endfor %}{% endfor %}");
}

#[test]
fn knows_its_variables() {
    let text = "{{ b }}\n{% for x in list %}{{ x }}{% endfor %}{{ caller.name }} {{ range(3) }}";
    assert_eq!(variables(text), ["b", "caller.name", "list"]);
    assert_eq!(line_of(text, "b"), 1);
    assert_eq!(line_of(text, "caller.name"), 2);
}
