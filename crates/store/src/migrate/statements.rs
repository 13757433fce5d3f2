//! Parses our own migrations: their statements, and the tables that they create. PURE.
//!
//! It understands only as much SQL as they use: comments to the end of a line, texts in single quotes, one column per
//! line.

/// The statements of a migration, without the semicolons that end them.
pub(super) fn of(sql: &str) -> Vec<String> {
    let mut statements = vec![String::new()];
    let mut quoted = false;
    for line in sql.lines() {
        let mut rest = line;
        while let Some(at) = rest.find(['\'', ';', '-']) {
            let (before, mark) = rest.split_at(at);
            push(&mut statements, before);
            let comment = !quoted && mark.starts_with("--");
            if comment {
                rest = "";
                break;
            }
            match mark.as_bytes()[0] {
                b';' if !quoted => statements.push(String::new()),
                b'\'' => {
                    quoted = !quoted;
                    push(&mut statements, "'");
                }
                _ => push(&mut statements, &mark[..1]),
            }
            rest = &mark[1..];
        }
        push(&mut statements, rest);
        push(&mut statements, "\n");
    }
    let statements = statements
        .iter()
        .map(|statement| statement.trim().to_owned());
    statements
        .filter(|statement| !statement.is_empty())
        .collect()
}

fn push(statements: &mut [String], text: &str) {
    if let Some(last) = statements.last_mut() {
        last.push_str(text);
    }
}

/// The tables that a migration creates, with their initial columns.
pub(super) fn tables(sql: &str) -> Vec<(&str, Vec<&str>)> {
    let made = sql.split("\nCREATE TABLE ").skip(1);
    let table = |text| {
        let text: &str = text;
        let (name, body) = text.split_once(" (\n")?;
        let name = name.strip_prefix("IF NOT EXISTS ").unwrap_or(name);
        let (body, _) = body.split_once("\n)")?;
        let first = body.lines().filter_map(|line| {
            let line = line.strip_prefix("    ")?;
            // Constraints begin with a capital letter, comments with a dash, continued lines with a space.
            let is_column = line.starts_with(|c: char| c.is_ascii_lowercase());
            is_column.then(|| line.split_once(' ').map_or(line, |(name, _)| name))
        });
        Some((name, first.collect()))
    };
    made.filter_map(table).collect()
}
