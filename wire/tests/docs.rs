//! The documents that the code writes parts of: between `<!-- NAME:begin -->` and `<!-- NAME:end -->` stands what
//! [`crate::tables`] makes, and a test fails when it is stale. `ASSAY_BLESS=1` brings it up to date.

use crate::{hold, root, tables};

/// What stands between a name's markers.
type Section = (&'static str, fn() -> String);

const PROTOCOL: &[Section] = &[
    ("kinds", tables::kinds),
    ("rows", tables::rows),
    ("hashes", tables::hash_bytes),
    ("outputs", tables::outputs),
    ("priorities", tables::priorities),
    ("verdicts", tables::verdicts),
    ("request-tags", tables::request_tags),
    ("reply-tags", tables::reply_tags),
    ("statuses", tables::statuses),
    ("close-codes", tables::close_codes),
    ("limits", tables::limit_values),
    ("example-digest", tables::example_digest),
    ("example-ed25519", tables::example_ed25519),
    ("example-user-id", tables::example_user_id),
    ("example-proof", tables::example_proof),
    ("example-quorum", tables::example_quorum),
    ("example-preload", tables::example_preload),
    ("outcomes", tables::outcomes),
    ("example-reply", tables::example_reply),
    ("example-tally", tables::example_tally),
    ("example-refusal", tables::example_refusal),
];

const OPERATIONS: &[Section] = &[("operations", tables::operations)];
const README: &[Section] = &[("operations", tables::operations_brief)];

/// The text with this section made anew; `None` when it has no such section.
fn renew(text: &str, name: &str, content: &str) -> Option<String> {
    let begin = format!("<!-- {name}:begin -->\n");
    let end = format!("<!-- {name}:end -->");
    let (head, rest) = text.split_once(&begin)?;
    let (_, tail) = rest.split_once(&end)?;
    Some(format!("{head}{begin}\n{content}\n{end}{tail}"))
}

/// Holds that each of these sections of the document is there and is what the code makes.
fn hold_sections(path: &str, sections: &[Section]) {
    let mut text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    for (name, make) in sections {
        text = renew(&text, name, &make()).unwrap_or_else(|| panic!("{path} has no section between {name}'s markers"));
    }
    let begun = text.matches(":begin -->").count();
    assert_eq!(begun, sections.len(), "{path} has a section that nothing makes, or one twice");
    hold(path, text.as_bytes());
}

#[test]
fn the_protocol_is_up_to_date() {
    hold_sections("docs/protocol.md", PROTOCOL);
}

#[test]
fn the_operations_are_up_to_date() {
    hold_sections("docs/operations.md", OPERATIONS);
}

#[test]
fn the_readme_is_up_to_date() {
    // A README without the markers has no table to go stale.
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap_or_default();
    if readme.contains("<!-- operations:begin -->") {
        hold_sections("README.md", README);
    }
}

#[test]
fn a_section_is_renewed_between_its_markers_alone() {
    let text = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb";
    let renewed = "a\n<!-- x:begin -->\n\nnew\n\n<!-- x:end -->\nb";
    assert_eq!(renew(text, "x", "new\n").as_deref(), Some(renewed));
    assert_eq!(renew(renewed, "x", "new\n").as_deref(), Some(renewed));
    assert_eq!(renew(text, "y", "new\n"), None);
}
