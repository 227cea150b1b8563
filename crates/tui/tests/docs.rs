//! docs/tui.md lists the keys of the one table.

use anomal_tui::keymap::BINDINGS;

#[test]
fn the_documentation_lists_all_keys() {
    let lines = BINDINGS.iter().map(|binding| {
        let mut screens: Vec<&str> = binding.screens.iter().map(|screen| screen.title()).collect();
        screens.dedup();
        let screens = if screens.is_empty() { "everywhere".to_owned() } else { screens.join(", ") };
        let label = binding.label.replace('|', "\\|");
        format!("| `{label}` | {screens} | {} |\n", binding.about)
    });
    let table: String = ["| key | on | what it does |\n", "| --- | --- | --- |\n"]
        .into_iter()
        .map(str::to_owned)
        .chain(lines)
        .collect();
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tui.md");
    let text = std::fs::read_to_string(&file).expect("docs/tui.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let start = text.find("| key |").expect("a table of keys");
        let end = text[start..].find("\n\n").map_or(text.len(), |end| start + end + 1);
        std::fs::write(file, [&text[..start], &table, &text[end..]].concat()).expect("written");
        return;
    }
    assert!(text.contains(&table), "run this test with UPDATE_DOCS=1");
}
