//! A composed text in, what the engine must know of it out: entry points with their workgroup sizes, bindings with their
//! roles. What naga refuses, or what does not follow the table of roles, is an error that names part and line.

use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ShaderStage, StorageAccess};

use crate::compose::Composed;
use crate::recipes::Recipe;

pub(crate) struct CheckedPass {
    pub(crate) entry: String,
    pub(crate) workgroup: u32,
    pub(crate) items_per_thread: u32,
}

pub(crate) struct CheckedBinding {
    pub(crate) role: &'static str,
    pub(crate) writable: bool,
}

pub(crate) struct Checked {
    pub(crate) passes: Vec<CheckedPass>,
    pub(crate) bindings: Vec<CheckedBinding>,
}

/// Variable and role by binding number; `Role` in src/lib.rs has the same order, which a test holds.
const ROLES: [(&str, &str); 14] = [
    ("parameters", "Parameters"),
    ("forms", "Forms"),
    ("keys", "Keys"),
    ("signatures", "Signatures"),
    ("offsets", "Offsets"),
    ("arena", "Arena"),
    ("digests", "Digests"),
    ("scratch_a", "ScratchA"),
    ("scratch_b", "ScratchB"),
    ("table", "Table"),
    ("extra", "Extra"),
    ("order", "Order"),
    ("verdicts", "Verdicts"),
    ("values", "Values"),
];

pub(crate) fn check(recipe: &Recipe, composed: &Composed) -> Result<Checked, String> {
    let text = &composed.text;
    let module = naga::front::wgsl::parse_str(text).map_err(|error| {
        let place = error.location(text).map_or_else(String::new, |at| composed.place(at.line_number as usize));
        format!("kernel {}: {place}: {}", recipe.name, error.message())
    })?;
    let capabilities = if recipe.int64 { Capabilities::SHADER_INT64 } else { Capabilities::empty() };
    Validator::new(ValidationFlags::all(), capabilities).validate(&module).map_err(|error| {
        let place = error.location(text).map_or_else(String::new, |at| composed.place(at.line_number as usize));
        let mut reason = error.as_inner().to_string();
        let mut source = std::error::Error::source(error.as_inner());
        while let Some(deeper) = source {
            reason = format!("{reason}: {deeper}");
            source = deeper.source();
        }
        format!("kernel {}: {place}: {reason}", recipe.name)
    })?;
    let passes = recipe.passes.iter().map(|(entry, items)| pass(recipe, &module, entry, *items));
    Ok(Checked { passes: passes.collect::<Result<_, _>>()?, bindings: bindings(recipe, &module)? })
}

fn pass(recipe: &Recipe, module: &Module, entry: &str, items_per_thread: u32) -> Result<CheckedPass, String> {
    let found = module.entry_points.iter().find(|point| point.name == entry && point.stage == ShaderStage::Compute);
    let point = found.ok_or_else(|| format!("kernel {}: no compute entry point {entry}", recipe.name))?;
    let [workgroup, 1, 1] = point.workgroup_size else {
        return Err(format!("kernel {}: {entry}: workgroups have one dimension here", recipe.name));
    };
    if workgroup > 256 || items_per_thread == 0 {
        return Err(format!(
            "kernel {}: {entry}: at most 256 threads a workgroup, at least an item a thread",
            recipe.name
        ));
    }
    Ok(CheckedPass { entry: entry.to_owned(), workgroup, items_per_thread })
}

fn bindings(recipe: &Recipe, module: &Module) -> Result<Vec<CheckedBinding>, String> {
    let mut bindings = Vec::new();
    for (_, variable) in module.global_variables.iter() {
        let Some(binding) = &variable.binding else { continue };
        let name = variable.name.as_deref().unwrap_or_default();
        let role = ROLES.get(binding.binding as usize).filter(|(own, _)| binding.group == 0 && *own == name);
        let Some((_, role)) = role else {
            let (group, number) = (binding.group, binding.binding);
            return Err(format!("kernel {}: {name} is not what @group({group}) @binding({number}) holds", recipe.name));
        };
        let writable = match variable.space {
            AddressSpace::Uniform => false,
            AddressSpace::Storage { access } => access.contains(StorageAccess::STORE),
            _ => return Err(format!("kernel {}: {name}: neither a uniform nor storage", recipe.name)),
        };
        bindings.push((binding.binding, CheckedBinding { role, writable }));
    }
    bindings.sort_by_key(|(number, _)| *number);
    Ok(bindings.into_iter().map(|(_, binding)| binding).collect())
}
