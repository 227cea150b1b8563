//! Accessibility checks by axe-core: keyboard, screen reader, contrast.

use chromiumoxide::cdp::browser_protocol::page::CreateIsolatedWorldParams;
use serde_json::Value;

use super::Page;
use crate::tool;

/// Runs all of axe's rules; returns one line per violation.
const RUN: &str = "
axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations.flatMap(rule =>
    rule.nodes.map(node => `${rule.id} (${rule.impact}): ${rule.help}: ${node.target.join(' ')}: ${node.html}: ` +
        node.failureSummary.replace(/\\s+/g, ' '))))";

impl Page {
    /// The violations on the page in its current size, colours and state.
    ///
    /// axe runs in an isolated world: it sees the page, the page does not see it, and the page's policy needs no
    /// exception.
    pub async fn axe(&self) -> Vec<String> {
        let frame = self.tab.mainframe().await.expect("the page answers").expect("it has a frame");
        let mut world = CreateIsolatedWorldParams::new(frame);
        world.world_name = Some("axe".into());
        let world = self.tab.execute(world).await.expect("a world for axe").execution_context_id;
        let path = tool("ANOMAL_TEST_AXE");
        let script = std::fs::read_to_string(&path);
        let script = script.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // The script's last value is not needed and may be too large to return.
        let script = format!("{script}\n;0");
        self.evaluate(&script, Some(world)).await.expect("axe is loaded");
        let found = self.evaluate(RUN, Some(world)).await.expect("axe runs");
        let Value::Array(found) = found else { panic!("axe did not return a list: {found}") };
        found.iter().map(|line| line.as_str().unwrap_or_default().to_owned()).collect()
    }
}
