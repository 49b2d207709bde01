use super::*;

#[test]
fn every_argument_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn help_documents_the_exit_codes() {
    let help = Cli::command().render_long_help().to_string();
    for code in [
        "0  done",
        "1  refused",
        "2  usage",
        "3  not found",
        "4  cannot reach",
        "5  internal",
    ] {
        assert!(help.contains(code), "{code}");
    }
}

#[test]
fn json_is_understood_after_the_subcommand() {
    assert!(
        Cli::try_parse_from(["chopmark", "key", "list", "--json"])
            .unwrap()
            .json
    );
}

#[test]
fn completions_name_the_subcommands() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "chopmark", &mut script);
        assert!(
            String::from_utf8(script).unwrap().contains("completions"),
            "{shell}"
        );
    }
}
