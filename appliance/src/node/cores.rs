//! The cores that each of the engine's workers may run on, spread evenly over the machine's NUMA nodes.
//!
//! It reads what Linux says of the machine and knows nothing of the engine. A worker that stays on a node allocates there: its
//! stack, its answers and what it stages are first touched by itself, and the system gives memory where it is first touched.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use crate::config::Affinity;

/// Where Linux lists the NUMA nodes.
const NODES: &str = "/sys/devices/system/node";

/// The workers' places, in turns: worker `i` takes place `i` modulo their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// The cores of each; empty where the system places the workers.
    places: Vec<Vec<usize>>,
    /// NUMA nodes that have cores for the process.
    pub(super) nodes: usize,
}

impl Places {
    /// Of the cores that the process may run on (cpusets, taskset and numactl decide which), or what is not known of them.
    pub(super) fn find(affinity: Affinity) -> Result<Self, &'static str> {
        if affinity == Affinity::System {
            return Ok(Self { places: Vec::new(), nodes: 0 });
        }
        let allowed = system::allowed().ok_or("the system does not say which cores the process may run on")?;
        Ok(Self::spread(affinity, nodes(Path::new(NODES), &allowed)))
    }

    /// Consecutive workers are on different nodes, so that fewer workers than cores use every node's memory bus.
    fn spread(affinity: Affinity, nodes: Vec<Vec<usize>>) -> Self {
        let longest = nodes.iter().map(Vec::len).max().unwrap_or_default();
        let turns = (0..longest).flat_map(|turn| nodes.iter().filter_map(move |node| Some((node, *node.get(turn)?))));
        let place = |(node, core): (&Vec<usize>, usize)| match affinity {
            Affinity::System => None,
            Affinity::Node => Some(node.clone()),
            Affinity::Core => Some(vec![core]),
        };
        Self { places: turns.filter_map(place).collect(), nodes: nodes.len() }
    }

    /// Keeps the calling thread on worker `worker`'s cores; whether the system let it. Where it places the workers, it does.
    pub(super) fn keep(&self, worker: usize) -> bool {
        self.places.is_empty() || system::stay_on(&self.places[worker % self.places.len()])
    }
}

/// The allowed cores by node; one node with all of them where the system names none, as on a machine without NUMA.
fn nodes(listing: &Path, allowed: &[usize]) -> Vec<Vec<usize>> {
    let mut nodes: Vec<(usize, Vec<usize>)> = Vec::new();
    for entry in fs::read_dir(listing).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("node")?.parse().ok());
        let cores = fs::read_to_string(entry.path().join("cpulist")).ok().and_then(|list| cpulist(&list));
        let (Some(number), Some(cores)) = (number, cores) else { continue };
        let is_here = |core: &usize| cores.iter().any(|range| range.contains(core));
        nodes.push((number, allowed.iter().copied().filter(is_here).collect()));
    }
    nodes.sort_unstable_by_key(|(number, _)| *number);
    let mut nodes: Vec<Vec<usize>> = nodes.into_iter().map(|(_, cores)| cores).collect();
    let is_elsewhere = |core: &usize| !nodes.iter().any(|node| node.contains(core));
    let elsewhere: Vec<usize> = allowed.iter().copied().filter(is_elsewhere).collect();
    nodes.push(elsewhere);
    nodes.retain(|node| !node.is_empty());
    nodes
}

/// The ranges of a list of cores as Linux writes it: `0-3,8,10-11`, and nothing for a node of memory alone. `None` where it is
/// written otherwise.
fn cpulist(list: &str) -> Option<Vec<RangeInclusive<usize>>> {
    if list.trim().is_empty() {
        return Some(Vec::new());
    }
    let number =
        |digits: &str| if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None };
    let range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (number(first)?, number(last)?);
        (first <= last).then_some(first..=last)
    };
    list.trim().split(',').map(range).collect()
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    /// The cores that this thread, and so one that it starts, may run on.
    pub(super) fn allowed() -> Option<Vec<usize>> {
        let set = sched_getaffinity(None).ok()?;
        Some((0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect())
    }

    /// Keeps the calling thread on these cores.
    pub(super) fn stay_on(cores: &[usize]) -> bool {
        let mut set = CpuSet::new();
        cores.iter().for_each(|core| set.set(*core));
        sched_setaffinity(None, &set).is_ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn allowed() -> Option<Vec<usize>> {
        None
    }

    pub(super) fn stay_on(_cores: &[usize]) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cores_are_read_as_linux_writes_them() {
        let all = |list: &str| cpulist(list).map(|ranges| ranges.into_iter().flatten().collect::<Vec<_>>());
        assert_eq!(all("0-3\n"), Some(vec![0, 1, 2, 3]));
        assert_eq!(all("0-1,8,10-11\n"), Some(vec![0, 1, 8, 10, 11]));
        assert_eq!(all("5"), Some(vec![5]));
        assert_eq!(all("\n"), Some(vec![]), "a node of memory alone");
        for odd in ["a", "-", "1-", "-1", "3-1", "0,,1", "0-7:2/4", "+1", "0 - 3", "99999999999999999999999"] {
            assert_eq!(all(odd), None, "{odd}");
        }
    }

    /// A listing of nodes with these lists.
    fn listing(lists: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (node, list) in lists.iter().enumerate() {
            let node = folder.path().join(format!("node{node}"));
            fs::create_dir(&node).expect("a node's folder");
            fs::write(node.join("cpulist"), list).expect("its list");
        }
        fs::write(folder.path().join("online"), "0-9").expect("not a node");
        folder
    }

    #[test]
    fn only_allowed_cores_are_taken_and_none_is_forgotten() {
        let two = listing(&["0-3,8-11\n", "4-7\n", "\n"]);
        let all: Vec<usize> = (0..12).collect();
        assert_eq!(nodes(two.path(), &all), [vec![0, 1, 2, 3, 8, 9, 10, 11], vec![4, 5, 6, 7]]);
        assert_eq!(nodes(two.path(), &[5, 6]), [[5, 6]], "the cpuset leaves one node");
        assert_eq!(nodes(two.path(), &[1, 4, 12]), [[1], [4], [12]], "a core that no node names");
        assert_eq!(nodes(&two.path().join("none"), &all), std::slice::from_ref(&all), "a system without NUMA");
        assert_eq!(nodes(listing(&["odd", "4-7"]).path(), &[3, 4]), [[4], [3]]);
        assert_eq!(nodes(two.path(), &[]), Vec::<Vec<usize>>::new());
    }

    #[test]
    fn workers_take_turns_between_the_nodes() {
        let nodes = vec![vec![0, 1, 2], vec![4], vec![6, 7]];
        let places = |affinity| Places::spread(affinity, nodes.clone()).places;
        assert_eq!(places(Affinity::Core), [[0], [4], [6], [1], [7], [2]]);
        let node = |at: usize| nodes[at].clone();
        assert_eq!(places(Affinity::Node), [node(0), node(1), node(2), node(0), node(2), node(0)]);
        assert_eq!(places(Affinity::System), Vec::<Vec<usize>>::new());
        let one = |affinity| Places::spread(affinity, vec![vec![3, 5]]).places;
        assert_eq!(one(Affinity::Core), [[3], [5]], "on one node, the cores in their order");
        assert_eq!(one(Affinity::Node), [[3, 5], [3, 5]], "on one node, anywhere");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_worker_stays_on_its_place() {
        for affinity in [Affinity::System, Affinity::Core, Affinity::Node] {
            let places = Places::find(affinity).expect("Linux says where");
            let allowed = system::allowed().expect("cores");
            for worker in 0..=allowed.len() {
                let (all, own) = (allowed.clone(), places.clone());
                let found = std::thread::spawn(move || (own.keep(worker), system::allowed().expect("cores")));
                let expected = match affinity {
                    Affinity::System => all,
                    _ => places.places[worker % places.places.len()].clone(),
                };
                assert_eq!(found.join().expect("no panic"), (true, expected));
            }
        }
    }
}
