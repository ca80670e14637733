//! Parts in, one text out, by plain concatenation, and a map from its lines back to the parts.

use crate::recipes::{Part, Recipe};

/// A kernel's whole text.
pub(crate) struct Composed {
    pub(crate) text: String,
    /// The first line of each part, counted from 1, ascending.
    starts: Vec<(usize, String)>,
}

impl Composed {
    /// `part:line` of a line of the whole.
    pub(crate) fn place(&self, line: usize) -> String {
        let part = self.starts.iter().rev().find(|(start, _)| *start <= line);
        part.map_or_else(|| format!("line {line}"), |(start, name)| format!("{name}:{}", line - start + 1))
    }
}

/// Reads and joins a recipe's parts.
pub(crate) fn compose(recipe: &Recipe) -> Result<Composed, String> {
    let mut composed = Composed { text: String::new(), starts: Vec::new() };
    let mut lines = 1;
    for part in &recipe.parts {
        let (name, text) = match part {
            Part::File(name) => {
                let path = format!("wgsl/{name}.wgsl");
                let text = std::fs::read_to_string(&path).map_err(|error| format!("shaders/{path}: {error}"))?;
                (format!("shaders/{path}"), text)
            }
            Part::Generated(name, text) => (format!("generated {name}"), text.clone()),
        };
        composed.starts.push((lines, name));
        lines += text.lines().count();
        composed.text.push_str(&text);
        if !text.ends_with('\n') {
            composed.text.push('\n');
        }
    }
    Ok(composed)
}
