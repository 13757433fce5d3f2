//! `{{variables}}` in prompts.

use std::collections::BTreeMap;

/// Fills in `{{name}}` (spaces inside are fine) from `variables`. Text filled in is not looked
/// at again: a caller's name cannot bring in a variable.
///
/// # Errors
/// A variable without a value, or braces that do not close; the text says which, and on which
/// line (from 1).
pub fn fill(
    template: &str,
    variables: &BTreeMap<String, String>,
) -> Result<String, (usize, String)> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(open) = rest.find("{{") {
        let line = template[..template.len() - rest.len() + open]
            .matches('\n')
            .count()
            + 1;
        let (before, after) = (&rest[..open], &rest[open + 2..]);
        let Some(close) = after.find("}}") else {
            return Err((line, "\"{{\" is not closed; write {{name}}".into()));
        };
        let name = after[..close].trim();
        let Some(value) = variables.get(name) else {
            let message = format!(
                "no value for {{{{{name}}}}}; set it in the call's variables, or a default under \
                 [variables]"
            );
            return Err((line, message));
        };
        out.push_str(before);
        out.push_str(value);
        rest = &after[close + 2..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_variables_once() {
        let variables = [("name", "{{company}}"), ("company", "Acme")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let filled = fill("Hi {{name}} of {{ company }}.", &variables);
        assert_eq!(filled.unwrap(), "Hi {{company}} of Acme.");
        assert_eq!(
            fill("no braces { } here", &variables).unwrap(),
            "no braces { } here"
        );
        assert_eq!(fill("a\nb {{missing}}", &variables).unwrap_err().0, 2);
        assert_eq!(fill("{{open", &variables).unwrap_err().0, 1);
    }
}
