//! Checks the documentation: its links lead somewhere, and Sidetone accepts its TOML, commands and variables.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use sidetone::check::KNOWN;
use sidetone::cli::Cli;
use sidetone::eval::scenario::Scenario;
use sidetone_config::agent::AgentConfig;
use sidetone_config::routing::Routing;
use sidetone_config::secret::Secrets;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Every page, and its text.
fn pages() -> Vec<(PathBuf, String)> {
    let folders = [Path::new(ROOT).to_owned(), Path::new(ROOT).join("docs")];
    let entries = folders.iter().flat_map(|folder| {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path())
    });
    let pages = entries.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    pages
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

/// The lines of a page, and whether each is within a code block.
fn lines(text: &str) -> impl Iterator<Item = (&str, bool)> {
    text.lines().scan(false, |is_code, line| {
        let is_fence = line.trim_start().starts_with("```");
        *is_code ^= is_fence;
        Some((line, *is_code || is_fence))
    })
}

/// The anchors of a page's headings, as GitHub generates them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = lines(text).filter(|(line, is_code)| !is_code && line.starts_with('#'));
    let anchor = |(line, _): (&str, bool)| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words
            .chars()
            .filter(|sign| sign.is_alphanumeric() || " -_".contains(*sign));
        kept.map(|sign| if sign == ' ' { '-' } else { sign })
            .collect()
    };
    headings.map(anchor).collect()
}

/// The targets of a page's links, except those to other sites.
fn links(text: &str) -> Vec<&str> {
    let prose = lines(text).filter(|(_, is_code)| !is_code);
    let targets = prose.flat_map(|(line, _)| line.split("](").skip(1));
    targets
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .collect()
}

#[test]
fn links_lead_to_pages_and_headings_that_exist() {
    let pages = pages();
    let mut broken = Vec::new();
    let mut seen = 0;
    for (page, text) in &pages {
        for link in links(text) {
            seen += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let to = match file {
                "" => page.clone(),
                _ => page.with_file_name("").join(file),
            };
            let is_there = match anchor {
                "" => to.exists(),
                _ => std::fs::read_to_string(&to).is_ok_and(|text| anchors(&text).contains(anchor)),
            };
            if !is_there {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(seen > 50, "{seen} links were found");
}

/// The TOML blocks of a page.
fn toml_blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "```toml" {
            let block = lines.by_ref().take_while(|line| line.trim() != "```");
            blocks.push(block.map(|line| format!("{line}\n")).collect());
        }
    }
    blocks
}

/// Adds what a block lacks to be a complete agent file or scenario, and checks it.
fn checked(folder: &Path, block: &str) -> Result<(), String> {
    let file = folder.join("agent-config/page.toml");
    let table: toml::Table = block.parse().map_err(|error| format!("{error}"))?;
    if table.contains_key("simulated") || table.contains_key("turns") {
        std::fs::write(&file, format!("agent = \"default\"\n{block}")).unwrap();
        return Scenario::load(&file)
            .map(drop)
            .map_err(|error| format!("{error:#}"));
    }
    if table.contains_key("routes") {
        let agents = ["default", "sales", "night", "receptionist"];
        let agents = agents.map(str::to_owned).into();
        let routing = Routing::read("routing.toml", block, &agents);
        return routing.map(drop).map_err(|problems| problems.to_string());
    }
    let prompt = match table.contains_key("prompt") {
        true => "",
        false => "prompt = \"../prompts/support.md\"\n",
    };
    std::fs::write(&file, format!("{prompt}{block}")).unwrap();
    let secrets = ["GROQ", "BOOKING", "CALENDAR", "ROOM"]
        .map(|name| (format!("SIDETONE_SECRET_{name}"), "one".to_owned()));
    AgentConfig::load(&file, &Secrets::from_variables(secrets))
        .map(drop)
        .map_err(|problems| problems.to_string())
}

#[test]
fn toml_of_the_pages_is_taken_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["agent-config", "prompts"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    for name in ["support", "support-shorter", "bakery"] {
        let prompt = folder.path().join(format!("prompts/{name}.md"));
        std::fs::write(prompt, "Answer in one sentence.").unwrap();
    }
    let sound = "agent-config/holding.wav";
    std::fs::copy(sound, folder.path().join(sound)).unwrap();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (page, text) in pages() {
        // `first_agent` follows this page to its end.
        if page.ends_with("first-agent.md") {
            continue;
        }
        for block in toml_blocks(&text) {
            seen += 1;
            if let Err(what) = checked(folder.path(), &block) {
                wrong.push(format!("{}: {what}\n{block}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 5, "{seen} blocks were found");
}

/// Commands in a page that begin with this word: lines of code blocks, and inline code.
fn commands<'a>(text: &'a str, program: &str) -> Vec<&'a str> {
    let begins = |command: &&str| {
        let rest = command.strip_prefix(program);
        rest.is_some_and(|rest| rest.starts_with(' '))
    };
    let of_prose = lines(text).filter(|(_, is_code)| !is_code);
    let inline = of_prose.flat_map(|(line, _)| line.split('`').skip(1).step_by(2));
    let of_blocks = lines(text).filter(|(_, is_code)| *is_code);
    let whole = of_blocks.map(|(line, _)| line.split(" #").next().unwrap_or_default());
    inline.chain(whole).filter(begins).collect()
}

#[test]
fn commands_of_the_pages_are_those_of_the_program() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    // The changelog names commands without their arguments.
    let pages = pages()
        .into_iter()
        .filter(|(page, _)| !page.ends_with("CHANGELOG.md"));
    for (page, text) in pages {
        for command in commands(&text, "sidetone") {
            seen += 1;
            let typed = command.replace("CALL_ID", &uuid::Uuid::nil().to_string());
            if let Err(error) = Cli::try_parse_from(typed.split_whitespace()) {
                wrong.push(format!("{}: {command}: {error}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 20, "{seen} commands were found");
}

#[test]
fn targets_of_make_that_the_pages_name_are_there() {
    let makefile = std::fs::read_to_string(Path::new(ROOT).join("Makefile")).unwrap();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (page, text) in pages() {
        let commands = commands(&text, "make");
        for word in commands
            .iter()
            .flat_map(|line| line.split_whitespace().skip(1))
        {
            seen += 1;
            let is_there = match word.split_once('=') {
                Some((variable, _)) => makefile.contains(&format!("$({variable})")),
                None => makefile
                    .lines()
                    .any(|line| line.starts_with(&format!("{word}:"))),
            };
            if !is_there {
                wrong.push(format!("{}: make {word}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 10, "{seen} targets were found");
}

#[test]
fn variables_of_the_pages_are_read_and_those_that_are_read_have_a_page() {
    // Read only by a test.
    const OF_TESTS: &str = "SIDETONE_TAKEOVERS";
    let is_ours = |name: &&str| name.starts_with("SIDETONE_") || name.starts_with("LIVEKIT_");
    let mut wrong = Vec::new();
    for (page, text) in pages() {
        let words =
            text.split(|sign: char| !sign.is_ascii_uppercase() && !"_0123456789".contains(sign));
        for name in words.filter(is_ours).filter(|name| !name.ends_with('_')) {
            let base = name.strip_suffix("_FILE").unwrap_or(name);
            let is_read = KNOWN.contains(&base) || base == OF_TESTS;
            if !is_read && !name.starts_with("SIDETONE_SECRET_") {
                wrong.push(format!("{}: {name}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/configure.md")).unwrap();
    let missing: Vec<_> = KNOWN.iter().filter(|name| !page.contains(**name)).collect();
    assert!(missing.is_empty(), "docs/configure.md lacks {missing:?}");
}
