use crate::folder::AgentFolder;
use crate::secret::Secrets;

#[test]
fn tools_that_a_small_model_may_get_wrong_are_named_for_agents_that_ask_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.md"), "You are kind.").unwrap();
    let tools = "prompt = \"p.md\"\n[tools.end_call]\n[tools.remember]\n";
    let elsewhere = "[llm]\nproviders = [\"x\"]\n[providers.x]\nllm = \"m\"\n\
                         base_url = \"https://x.example/v1\"\n";
    for (name, text) in [
        ("plain", "prompt = \"p.md\"\n".to_owned()),
        ("tools", tools.to_owned()),
        (
            "served",
            format!("{tools}[mcp.crm]\nurl = \"https://crm.example/mcp\"\n"),
        ),
        (
            "result",
            "prompt = \"p.md\"\n[result]\nintents = [\"order\"]\n".to_owned(),
        ),
        ("elsewhere", format!("{tools}{elsewhere}")),
    ] {
        std::fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
    }
    let agents = AgentFolder::open(folder.path(), Secrets::default());
    assert_eq!(agents.problems(), []);
    let doubtful = |name: &str| {
        let agent = agents.team(name).unwrap().swap_remove(0);
        agent.doubtful_on_local_models()
    };
    assert_eq!(doubtful("plain"), None);
    assert_eq!(doubtful("elsewhere"), None);
    let tools = doubtful("tools").unwrap();
    assert!(
        tools.ends_with("this agent has end_call, remember"),
        "{tools}"
    );
    let served = doubtful("served").unwrap();
    assert!(
        served.ends_with("end_call, remember, the tools of crm"),
        "{served}"
    );
    // Answers are kept to its schema.
    assert_eq!(doubtful("result"), None);
}
