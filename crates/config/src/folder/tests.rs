//! How a folder of agents reacts when its files change.

use super::*;
use crate::routing::Arrival;
use sidetone_base::audio::{Pcm, wav};

struct Folder {
    folder: tempfile::TempDir,
    agents: AgentFolder,
}

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("p.md"), "You are kind.").unwrap();
        let this = Self {
            agents: AgentFolder::open(folder.path(), Secrets::default()),
            folder,
        };
        for (name, text) in files {
            this.write(name, text);
        }
        this
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn greeting(&self, name: &str) -> String {
        self.agents.team(name).unwrap()[0].greeting.clone()
    }

    fn problems(&self) -> String {
        self.agents.refresh();
        let folder = format!("{}/", self.folder.path().display());
        let lines = self.agents.problems().into_iter();
        let lines: Vec<String> = lines.map(|p| p.to_string().replace(&folder, "")).collect();
        lines.join("\n")
    }
}

const A: &str = "prompt = \"p.md\"\ngreeting = \"Hi.\"";

#[test]
fn the_next_call_hears_a_change_and_a_bad_file_replaces_nothing() {
    let folder = Folder::with(&[("a.toml", A)]);
    let running = folder.agents.team("a").unwrap();
    folder.write("a.toml", "prompt = \"p.md\"\ngreeting = \"Hello!\"");
    assert_eq!(folder.greeting("a"), "Hello!");
    assert_eq!(running[0].greeting, "Hi.");
    assert_ne!(
        running[0].version,
        folder.agents.team("a").unwrap()[0].version
    );

    folder.write(
        "a.toml",
        "prompt = \"p.md\"\ngreting = \"Oh!\"\nvad.threshold = 7",
    );
    assert_eq!(folder.greeting("a"), "Hello!");
    assert_eq!(
        folder.problems(),
        "a.toml:2: unknown key greting; did you mean greeting?\n\
         a.toml:3: vad.threshold = 7 must be a number from 0 to 1, such as 0.5"
    );
    folder.write("a.toml", A);
    assert_eq!(
        (folder.greeting("a").as_str(), folder.problems().as_str()),
        ("Hi.", "")
    );
}

#[test]
fn prompts_and_defaults_are_watched_too() {
    let folder = Folder::with(&[("a.toml", A), ("defaults.toml", "voice = \"nova\"")]);
    let agent = |folder: &Folder| folder.agents.team("a").unwrap()[0].clone();
    assert_eq!(agent(&folder).voice.as_str(), "nova");
    folder.write("p.md", "You are {{mood}}.");
    assert_eq!(agent(&folder).system_prompt, "You are kind.");
    assert!(
        folder
            .problems()
            .starts_with("p.md:1: no value for {{mood}}"),
        "{}",
        folder.problems()
    );
    folder.write(
        "defaults.toml",
        "voice = \"echo\"\n[variables]\nmood = \"calm\"",
    );
    assert_eq!(agent(&folder).system_prompt, "You are {{mood}}.");
    assert_eq!(agent(&folder).voice.as_str(), "echo");
    // A mistake that all agents share is reported once, with its own file.
    folder.write("b.toml", A);
    folder.write("defaults.toml", "voice = \"my voice\"");
    let problems = folder.problems();
    assert_eq!(
        problems.matches("cannot be a voice's name").count(),
        1,
        "{problems}"
    );
    assert!(
        problems.starts_with("defaults.toml:1: voice = \"my voice\" cannot be"),
        "{problems}"
    );
}

/// Whichever file is saved right after it was read: it is read once in that pass, so that the agents and the next
/// comparison use the same text, and the next pass finds the change.
#[test]
fn a_file_saved_while_the_folder_is_read_is_found_by_the_next_look() {
    let a = |greeting: &str| {
        format!(
            "prompt = \"p.md\"\ngreeting = \"{greeting}\"\n[variants.b]\nweight = 10\nprompt = \"q.md\""
        )
    };
    let first = [
        ("a.toml", a("Hi.")),
        ("defaults.toml", "voice = \"nova\"".into()),
        ("p.md", "You are kind.".into()),
        ("q.md", "You are funny.".into()),
    ];
    let saved = [
        ("a.toml", a("Hello!")),
        ("defaults.toml", "voice = \"echo\"".into()),
        ("p.md", "You are brief.".into()),
        ("q.md", "You are grave.".into()),
    ];
    for (file, text) in &saved {
        // The second agent triggers a pass in which the first one's files are already known; in the first pass its
        // prompts are named only while it is read.
        for known in [true, false] {
            let folder = Folder::with(&first.each_ref().map(|(name, text)| (*name, &**text)));
            if known {
                folder.agents.refresh();
                folder.write("c.toml", A);
            }
            let path = folder.folder.path().join(file);
            let reads = std::cell::Cell::new(0);
            folder.agents.refresh_by(&|asked| {
                let read = std::fs::read_to_string(asked);
                if asked == path {
                    reads.set(reads.get() + 1);
                    std::fs::write(&path, text).unwrap();
                }
                read
            });
            assert_eq!(reads.get(), 1, "{file} known before: {known}");
            let old = folder.agents.agents()[0].clone();
            let new = folder.agents.team("a").unwrap()[0].clone();
            assert_ne!(old.version, new.version, "{file} known before: {known}");
            let read = AgentConfig::load(&folder.folder.path().join("a.toml"), &Secrets::default());
            assert_eq!(*new, read.unwrap(), "{file} known before: {known}");
        }
    }
}

#[test]
fn a_prompt_that_was_missing_is_used_when_it_is_there() {
    let folder = Folder::with(&[("a.toml", "prompt = \"new.md\"")]);
    assert!(folder.problems().contains("new.md"));
    folder.write("new.md", "You are new.");
    assert_eq!(
        folder.agents.team("a").unwrap()[0].system_prompt,
        "You are new."
    );
}

#[test]
fn an_agent_whose_file_is_gone_is_gone() {
    let folder = Folder::with(&[("a.toml", A), ("b.toml", A)]);
    folder.agents.refresh();
    std::fs::remove_file(folder.folder.path().join("a.toml")).unwrap();
    folder.agents.refresh();
    assert_eq!(folder.agents.names(), ["b".to_owned()].into());
}

#[test]
fn an_agent_that_was_never_valid_says_why() {
    let folder = Folder::with(&[("a.toml", A), ("b.toml", "voice = 3")]);
    let error = |name: &str| folder.agents.team(name).unwrap_err().to_string();
    assert!(
        error("b").contains("b.toml: prompt is missing"),
        "{}",
        error("b")
    );
    assert!(error("b").contains("b.toml:1: voice = 3 must be a string"));
    assert!(
        error("c").contains("there is no such agent; there are a"),
        "{}",
        error("c")
    );
}

#[test]
fn handoffs_lead_somewhere_and_not_in_a_circle() {
    let hands = |to: &str| format!("{A}\n[tools.handoff]\nagents = [\"{to}\"]");
    let folder = Folder::with(&[
        ("a.toml", &hands("b")),
        ("b.toml", &hands("c")),
        ("c.toml", A),
    ]);
    let team = folder.agents.team("a").unwrap();
    let names: Vec<&str> = team.iter().map(|agent| agent.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    folder.write("c.toml", &hands("a"));
    let problems = folder.problems();
    assert!(problems.contains("(a -> b -> c -> a)"), "{problems}");
    folder.write("c.toml", &hands("bb"));
    let problems = folder.problems();
    assert!(
        problems.contains("\"bb\": did you mean \"b\"?"),
        "{problems}"
    );
    // The last valid version of c stays.
    assert!(folder.agents.team("c").unwrap()[0].tools.is_empty());
}

#[test]
fn a_call_may_ask_for_openais_voices_and_for_those_of_agents() {
    let mine = "prompt = \"p.md\"\nvoice = \"af_heart\"\n[variants.b]\nvoice = \"hannah\"";
    let folder = Folder::with(&[("a.toml", A), ("b.toml", mine)]);
    folder.agents.refresh();
    let voices = AgentNames::In(Arc::new(folder.agents)).voices();
    for voice in ["alloy", "marin", "af_heart", "hannah"] {
        assert!(voices.iter().any(|name| name == voice), "{voices:?}");
    }
    assert_eq!(voices.len(), Voice::KNOWN.len() + 2);
}

#[test]
fn routes_are_read_again_and_a_bad_file_of_them_replaces_nothing() {
    let folder = Folder::with(&[("a.toml", A), ("night.toml", A)]);
    let agent = |folder: &Folder| {
        let dialled = Arrival {
            number: Some("+4930123"),
            ..Arrival::default()
        };
        folder.agents.routing().agent(dialled).map(str::to_owned)
    };
    assert_eq!(agent(&folder), None);
    folder.write(
        "routing.toml",
        "[routes.shop]\nnumber = \"+49 30 123\"\nagent = \"a\"\n",
    );
    assert_eq!(agent(&folder).as_deref(), Some("a"));
    assert_eq!(folder.agents.names().len(), 2, "it is no agent");
    folder.write(
        "routing.toml",
        "[routes.shop]\nnumber = \"+49 30 123\"\nagent = \"nigt\"\n",
    );
    assert_eq!(agent(&folder).as_deref(), Some("a"));
    assert_eq!(
        folder.problems(),
        "routing.toml:3: routes.shop.agent = \"nigt\": no such agent; did you mean \"night\"?"
    );
    // A new agent's file makes the route valid.
    folder.write("nigt.toml", A);
    assert_eq!(agent(&folder).as_deref(), Some("nigt"));
    assert_eq!(folder.problems(), "");
}

/// A folder whose agent names a prompt outside of it and a sound.
fn with_sound() -> (tempfile::TempDir, AgentFolder) {
    let root = tempfile::tempdir().unwrap();
    let (agents, prompts) = (root.path().join("agents"), root.path().join("prompts"));
    for folder in [&agents, &prompts] {
        std::fs::create_dir(folder).unwrap();
    }
    std::fs::write(prompts.join("p.md"), "You are kind.").unwrap();
    wav::write(
        &agents.join("soft.wav"),
        &Pcm::<16_000>::new(vec![7; 16_000]),
    )
    .unwrap();
    let text = "prompt = \"../prompts/p.md\"\ngreeting = \"Hi.\"\n[holding]\nsound = \"soft.wav\"";
    std::fs::write(agents.join("default.toml"), text).unwrap();
    std::fs::write(agents.join("NOTES.md"), "of no agent").unwrap();
    let folder = AgentFolder::open(agents, Secrets::default());
    (root, folder)
}

#[test]
fn an_edition_is_read_on_another_machine_as_the_folder_is_on_its_own() {
    let (root, folder) = with_sound();
    let edition = folder.edition().unwrap();
    let names: Vec<&str> = edition.files().keys().map(String::as_str).collect();
    assert_eq!(names, ["../prompts/p.md", "default.toml", "soft.wav"]);
    drop(root);

    let other = Folder::with(&[("default.toml", "prompt = \"p.md\"\ngreeting = \"Oh.\"")]);
    let roster = Arc::new(other.agents.read(&edition).unwrap());
    assert_eq!(roster.edition(), Some(edition.version()));
    // A call keeps what it began with.
    let running = other.agents.team("default").unwrap();
    other.agents.follow(Arc::clone(&roster));
    let agent = &other.agents.team("default").unwrap()[0];
    assert_eq!(
        (agent.greeting.as_str(), agent.system_prompt.as_str()),
        ("Hi.", "You are kind.")
    );
    assert_eq!(agent.edition.as_deref(), Some(edition.version()));
    let sound = agent.holding.as_ref().unwrap().read().unwrap();
    assert_eq!(sound.duration(), Duration::from_secs(1));
    assert_eq!(
        (running[0].greeting.as_str(), &running[0].edition),
        ("Oh.", &None)
    );
    // The files of this machine are its own still, and nobody hears them.
    other.write("default.toml", "prompt = \"p.md\"\ngreeting = \"No.\"");
    assert_eq!(other.greeting("default"), "Hi.");
    assert_eq!(
        other.agents.own().team("default").unwrap()[0].greeting,
        "No."
    );
}

#[test]
fn a_saved_file_or_sound_makes_another_edition() {
    let (root, folder) = with_sound();
    let (first, changes) = (folder.edition().unwrap(), folder.changes());
    assert_eq!(
        (folder.edition().unwrap(), folder.changes()),
        (first.clone(), changes)
    );
    let sound = root.path().join("agents/soft.wav");
    wav::write(&sound, &Pcm::<16_000>::new(vec![7; 8_000])).unwrap();
    assert_eq!(folder.changes(), changes + 1);
    let second = folder.edition().unwrap();
    assert_ne!(first.version(), second.version());
    std::fs::write(root.path().join("prompts/p.md"), "You are brief.").unwrap();
    assert_ne!(folder.edition().unwrap().version(), second.version());
}

#[test]
fn files_with_a_mistake_are_no_edition() {
    let folder = Folder::with(&[
        ("default.toml", A),
        ("b.toml", "prompt = \"p.md\"\nvoice = 3"),
    ]);
    let wrong = || {
        let error = folder.agents.edition().unwrap_err().to_string();
        error.replace(&format!("{}/", folder.folder.path().display()), "")
    };
    assert_eq!(
        wrong(),
        "b.toml:2: voice = 3 must be a string, such as \"text\""
    );
    std::fs::remove_file(folder.folder.path().join("b.toml")).unwrap();
    folder.agents.edition().unwrap();
    folder.write(
        "default.toml",
        &format!(
            "{A}\n[tools.book]\ndescription = \"Books.\"\nurl = \"https://shop.example/book\"\n\
             headers = {{ Authorization = \"Bearer abc\" }}"
        ),
    );
    let leak = wrong();
    assert!(
        leak.contains("default.toml:6: tools.book.headers.Authorization holds a secret"),
        "{leak}"
    );
    std::fs::remove_file(folder.folder.path().join("default.toml")).unwrap();
    assert!(
        wrong().contains("default.toml: there is no such agent"),
        "{}",
        wrong()
    );
}

#[test]
fn an_edition_whose_secret_is_missing_here_says_which() {
    let text = format!(
        "{A}\n[lookup]\nurl = \"https://shop.example/who\"\nheaders = {{ key = \"{{{{ secret.shop }}}}\" }}"
    );
    let secrets =
        || Secrets::from_variables([("SIDETONE_SECRET_SHOP".into(), "a-long-secret".into())]);
    let folder = Folder::with(&[("default.toml", &text)]);
    let agents = AgentFolder::open(folder.folder.path(), secrets());
    let edition = agents.edition().unwrap();
    let error = folder.agents.read(&edition).unwrap_err().to_string();
    let file = format!("edition-{}/default.toml:5:", &edition.version()[..12]);
    assert!(
        error.starts_with(&file) && error.contains("SIDETONE_SECRET_SHOP"),
        "{error}"
    );
    let roster = agents.read(&edition).unwrap();
    assert!(agents.is_up_to_date(&roster) && !folder.agents.is_up_to_date(&roster));
}
