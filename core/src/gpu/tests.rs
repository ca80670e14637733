//! Every kernel against the reference on the software device, and what happens when the device does not do its work.

use std::sync::{LazyLock, PoisonError};

use assay_scheme::{ColumnsBuilder, Parameters, Reason, Verdict};

use super::slot::Slot;
use super::*;
use crate::batch::Results;
use crate::samples;

/// A device that no other test uses at the same time is not needed, but faults are for all devices of the process: who
/// injects some holds this alone.
static FAULTS: std::sync::RwLock<()> = std::sync::RwLock::new(());

fn quiet() -> std::sync::RwLockReadGuard<'static, ()> {
    FAULTS.read().unwrap_or_else(PoisonError::into_inner)
}

/// The software device with these settings; `None` where somebody said by name that there is none.
fn software(checks: Checks, int64: bool) -> Option<Arc<Gpu>> {
    let settings = GpuSettings { checks, int64, ..GpuSettings::default() };
    let gpu = devices(GpuChoice::Software, settings).into_iter().next();
    let is_skipped = std::env::var_os("ASSAY_SKIP_GPU").is_some();
    assert!(gpu.is_some() || is_skipped, "no software device: install one, or leave the GPU out with ASSAY_SKIP_GPU=1");
    gpu
}

static UNCHECKED: LazyLock<Option<Arc<Gpu>>> = LazyLock::new(|| software(Checks::Unchecked, true));
static CHECKED: LazyLock<Option<Arc<Gpu>>> = LazyLock::new(|| software(Checks::Checked, true));
static NARROW: LazyLock<Option<Arc<Gpu>>> = LazyLock::new(|| software(Checks::Unchecked, false));

const NARROW_NAME: &str = "without 64-bit integers";

fn is_signature(operation: &Operation) -> bool {
    matches!(operation.kind, Kind::Verify | Kind::Recover)
}

fn all() -> impl Iterator<Item = (&'static str, &'static Gpu)> {
    let all = [("unchecked", &*UNCHECKED), ("checked", &*CHECKED), (NARROW_NAME, &*NARROW)];
    all.into_iter().filter_map(|(what, gpu)| gpu.as_deref().map(|gpu| (what, gpu)))
}

fn compute(backend: &dyn Backend, bundle: &Bundle, range: Range<usize>) -> Result<Results, Fault> {
    let mut results = Results::unwritten(range.len(), bundle.value_width());
    let Results { verdicts, values, width } = &mut results;
    backend.compute(bundle, range, Output { verdicts, values, width: *width })?;
    Ok(results)
}

/// Messages of about these lengths, some refused, in two requests.
fn messages(row: Row, items: usize, len: impl Fn(usize) -> usize) -> Bundle {
    let columns = |items: Range<usize>| {
        let mut builder = ColumnsBuilder::new(row.operation());
        for item in items {
            if item % 11 == 7 {
                builder.refuse(Reason::Message);
            } else {
                builder.push(0, &[], &[], &(0..len(item)).map(|i| (i * 31 + item) as u8).collect::<Vec<_>>());
            }
        }
        builder.build().expect("fits a request")
    };
    let segments = if items > 1 { vec![columns(0..items / 2), columns(items / 2..items)] } else { vec![columns(0..1)] };
    Bundle::new(Parameters::default(), segments).expect("no parameters")
}

fn agree(bundle: &Bundle, range: Range<usize>) {
    let expected = compute(&Reference::new(), bundle, range.clone()).expect("the reference computes");
    let name = bundle.operation().name;
    for (what, gpu) in all() {
        let found = match compute(gpu, bundle, range.clone()) {
            Err(Fault::NotServed(_)) if what == NARROW_NAME && is_signature(bundle.operation()) => continue,
            found => found.expect("computes"),
        };
        let differ = (0..range.len())
            .find(|i| (found.verdict(*i), found.value(*i)) != (expected.verdict(*i), expected.value(*i)));
        let differ = differ.map(|i| (i, found.verdict(i), expected.verdict(i)));
        assert_eq!(differ, None, "{name} of {}, {what}: the first that differs", range.len());
    }
}

/// Items around what a subgroup, a workgroup and a batch hold.
const SIZES: [usize; 7] = [0, 1, 63, 64, 65, 257, 4_097];

#[test]
fn every_length_around_the_block_edges_agrees_with_the_libraries() {
    let _quiet = quiet();
    for operation in Operation::of_kind(Kind::Digest) {
        agree(&messages(operation.row, 420, |item| item), 0..420);
    }
}

#[test]
fn long_messages_agree_and_the_longest_are_hashed_on_the_cpu() {
    let _quiet = quiet();
    let lengths =
        [1_023, 1_024, 1_025, 2_048, 2_049, 5_000, 7 * 1_024 + 1, 31_744, MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX + 1];
    for operation in Operation::of_kind(Kind::Digest) {
        agree(&messages(operation.row, lengths.len(), |item| lengths[item]), 0..lengths.len());
    }
}

#[test]
fn every_size_agrees_with_good_and_refused_items_mixed() {
    let _quiet = quiet();
    for operation in Operation::of_kind(Kind::Digest) {
        for items in SIZES {
            let bundle = messages(operation.row, items, |item| 64 + item % 3);
            agree(&bundle, 0..items);
            agree(&bundle, items / 3..items);
        }
    }
}

/// Headers and what is asked of their work: met, not met, unfit targets and difficulties, and what is no header.
fn headers(row: Row, items: usize) -> Bundle {
    let operation = row.operation();
    let spec = samples::Spec { items: items.max(1), spoil_every: 3, ..samples::Spec::default() };
    let mut samples = samples::samples(operation, &spec);
    for (item, sample) in samples.iter_mut().enumerate() {
        let header = &mut sample.messages[0];
        match item % 7 {
            // The hash is another one: half of all meet the easiest target, hardly any is a share.
            1 => header[0] ^= item as u8,
            // nBits negative, zero, overflowing.
            3 => header[72..76].copy_from_slice(&[0x0180_0001_u32, 0x0300_0000, 0xff00_0001][item % 3].to_le_bytes()),
            4 => header.truncate(79),
            5 => header.push(0),
            6 => sample.keys[0].fill(0),
            _ => {}
        }
    }
    let bundle = Bundle::new(Parameters::default(), samples::columns(operation, &samples));
    bundle.expect("no parameters")
}

#[test]
fn headers_agree_at_every_size_with_every_kind_of_work() {
    let _quiet = quiet();
    for operation in Operation::of_kind(Kind::Pow) {
        for items in SIZES {
            let bundle = headers(operation.row, items);
            agree(&bundle, 0..items);
            agree(&bundle, items / 3..items);
        }
    }
}

/// Signatures, every third spoilt, and some items refused in encoding.
fn signed(row: Row, items: usize, parameters: &Parameters) -> Bundle {
    let operation = row.operation();
    let spec =
        samples::Spec { items, message_bytes: 97, spoil_every: 3, seed: items as u64, ..samples::Spec::default() };
    let mut segments = samples::columns(operation, &samples::samples(operation, &spec));
    let mut refused = ColumnsBuilder::new(operation);
    for reason in [Reason::Key, Reason::Signature, Reason::Message] {
        refused.refuse(reason);
    }
    segments.push(refused.build().expect("fits a request"));
    Bundle::new(parameters.clone(), segments).expect("parameters of the row")
}

fn signature_rows() -> impl Iterator<Item = Row> {
    let is_here = |row: &Row| {
        let operation = row.operation();
        is_signature(operation) && operation.kernel.is_some_and(|name| assay_shaders::kernel(name, true).is_some())
    };
    Row::ALL.into_iter().filter(is_here)
}

#[test]
fn signatures_agree_at_every_size_with_good_and_bad_mixed() {
    let _quiet = quiet();
    assert!(signature_rows().count() >= 12);
    for row in signature_rows() {
        for items in SIZES {
            let bundle = signed(row, items, &Parameters::default());
            agree(&bundle, 0..items);
            agree(&bundle, 0..bundle.items());
        }
    }
}

#[test]
fn signatures_over_every_named_hash_and_form_agree() {
    let _quiet = quiet();
    let Some(gpu) = UNCHECKED.as_deref() else { return };
    for row in signature_rows() {
        let operation = row.operation();
        let hashes = if let Messages::DigestOr(hashes) = operation.messages { hashes } else { &[] };
        let mut all: Vec<Parameters> =
            hashes.iter().map(|hash| Parameters { hash: Some(*hash), ..Parameters::default() }).collect();
        if operation.kind == Kind::Recover {
            let output = assay_scheme::Output::Address;
            all.push(Parameters { output, ..Parameters::default() });
        }
        if operation.takes_user_id {
            for id in [&b""[..], b"alice@example.com", &[7; 8_191]] {
                all.push(Parameters { user_id: Some(id.into()), ..Parameters::default() });
            }
        }
        for parameters in all {
            let bundle = signed(row, 70, &parameters);
            let whole = 0..bundle.items();
            let expected = compute(&Reference::new(), &bundle, whole.clone()).expect("the reference computes");
            assert_eq!(compute(gpu, &bundle, whole).expect("computes"), expected, "{}: {parameters:?}", row.name());
        }
    }
}

#[test]
fn every_kernel_gives_its_known_answers() {
    let _quiet = quiet();
    for (what, gpu) in all() {
        gpu.prepare(&Row::ALL, &|_| ControlFlow::Continue(()));
        let digests = Operation::of_kind(Kind::Digest).map(|operation| operation.row);
        for row in digests {
            assert!(gpu.serves(row), "{what}: {} {:?}", row.name(), gpu.note());
        }
        for row in TREES.into_iter().chain([Row::PowBitcoinHeader, Row::PowBitcoinShare]) {
            assert!(gpu.serves(row), "{what}: {} {:?}", row.name(), gpu.amiss());
        }
        for row in signature_rows() {
            assert_eq!(gpu.serves(row), what != NARROW_NAME, "{what}: {} {:?}", row.name(), gpu.amiss());
        }
        assert_eq!(selftest::check(gpu, &gpu.known), Ok(()), "{what}");
        assert!(!gpu.serves(Row::BlsMinPkPop));
        assert!(gpu.memory() > 0);
    }
}

const TREES: [Row; 3] = [Row::MerkleDuplicateLast, Row::MerkleRfc6962, Row::MerkleFiscoV3];

/// A tree of this many leaves under a rule and a hash.
fn leaves(row: Row, hash: Hash, count: usize, len: usize) -> Bundle {
    let leaf = |leaf: usize| -> Vec<u8> { (0..len).map(|i| (leaf * 13 + leaf / 251 + i) as u8).collect() };
    let leaves: Vec<Vec<u8>> = (0..count).map(leaf).collect();
    let mut builder = ColumnsBuilder::new(row.operation());
    builder.push_group(0, &[], &[], &leaves.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let parameters = Parameters { hash: Some(hash), ..Parameters::default() };
    Bundle::new(parameters, vec![builder.build().expect("fits a request")]).expect("a Merkle rule and its hash")
}

#[test]
fn trees_have_the_references_roots_under_every_binary_rule_and_hash() {
    let _quiet = quiet();
    for row in TREES {
        let Messages::Leaves(hashes) = row.operation().messages else { panic!("a Merkle row") };
        for hash in hashes {
            // Few leaves stay on the CPU; odd counts on several levels.
            for count in [0, 1, 5, tree::LEAVES_MIN, 4_097, 5_003] {
                agree(&leaves(row, *hash, count, 32), 0..1);
            }
        }
    }
    agree(&leaves(Row::MerkleRfc6962, Hash::Sha256, 4_200, 11), 0..1);
    agree(&leaves(Row::MerkleDuplicateLast, Hash::Sha256, 4_200, 11), 0..1);
}

#[test]
fn a_tree_of_a_million_leaves_is_one_upload_and_one_root() {
    let _quiet = quiet();
    let Some(gpu) = UNCHECKED.as_deref() else { return };
    let device = gpu.device().expect("opens");
    let nodes: Vec<[u8; 32]> = (0..1_u32 << 20).map(|leaf| std::array::from_fn(|i| (leaf >> (i % 20)) as u8)).collect();
    let program = |name| device.program(device.kernel(name).expect("a kernel")).expect("compiles");
    let (level, leaf) = (program("merkle_sha256d"), program("sha256d"));
    let rule = tree::rule(Row::MerkleDuplicateLast).expect("a binary rule");
    let tree = Leaves::Nodes(nodes.as_flattened().to_vec());
    let kernels = tree::Kernels { level: &level, leaf: &leaf, rule };
    let (roots, _) = tree::roots(&device, &kernels, &[&tree], TIMEOUT_FIRST).expect("a root");
    let hash = |input: &[u8]| -> [u8; 32] {
        use sha2::{Digest, Sha256};
        Sha256::digest(Sha256::digest(input)).into()
    };
    let expected = crate::merkle::Trees::new().root(Row::MerkleDuplicateLast, &hash, &nodes[..]);
    assert_eq!(roots.first().copied().ok_or(Reason::Message), expected);
}

#[test]
fn what_no_kernel_wrote_is_never_valid() {
    let _quiet = quiet();
    let Some(gpu) = UNCHECKED.as_deref() else { return };
    let device = gpu.device().expect("opens");
    // A digest, a verdict, a value behind a verdict.
    for row in [Row::Sha256, Row::Ed25519Zip215, Row::RecoverSecp256k1] {
        let is_digest = row.operation().kind == Kind::Digest;
        let bundle = if is_digest { messages(row, 100, |_| 64) } else { signed(row, 97, &Parameters::default()) };
        let kernel = device.kernel(row.operation().kernel.expect("a kernel")).expect("a kernel");
        let program = device.program(kernel).expect("compiles");
        // A slot that is new, and one that has just held the right answers to the same question.
        let mut slot = Slot::default();
        for dispatch in [false, true, false] {
            let stamp = device.stamp();
            let plan = Plan { bundle: &bundle, range: 0..100, canaries: None, main: kernel, hash: None, stamp };
            let stage = Stage::new(&plan);
            let mut answers = trust::Answers::new(&stage, 100, stamp);
            let mut results = Results::unwritten(100, bundle.value_width());
            let Results { verdicts, values, width } = &mut results;
            let mut out = Output { verdicts, values, width: *width };
            let run = Run { stage: &stage, hash: None, main: &program, timeout: TIMEOUT_FIRST, dispatch };
            slot.run(&device, &run, |bytes| answers.take(bytes, &mut out)).expect("runs");
            let checked = answers.check(None);
            assert_eq!(checked.is_ok(), dispatch, "{}", row.name());
            assert_eq!((0..100).any(|item| results.verdict(item) == Verdict::Valid), dispatch, "{}", row.name());
            let has_value = results.values.iter().any(|byte| *byte != 0);
            assert_eq!(has_value, dispatch && bundle.value_width() > 0, "{}", row.name());
        }
        device.give_slot(slot);
    }
}

#[test]
fn a_batch_that_does_not_end_in_time_is_a_loss_for_all_who_wait() {
    let _quiet = quiet();
    let settings = GpuSettings { timeout: Some(Duration::ZERO), ..GpuSettings::default() };
    let Some(gpu) = devices(GpuChoice::Software, settings).into_iter().next() else { return };
    let bundle = messages(Row::Sha256, 4_000, |_| 1_000);
    // A kernel's first batch has its own time, and is no fault.
    let expected = compute(&*gpu, &bundle, 0..4_000).expect("the first batch");
    let lost = compute(&*gpu, &bundle, 0..4_000).expect_err("no batch ends at once");
    assert!(matches!(&lost, Fault::Lost(why) if why.contains("did not end")), "{lost}");
    assert_eq!(compute(&*gpu, &bundle, 0..4_000).expect("opened anew"), expected);
    // Somebody else's loss ends a wait that would last much longer.
    let device = gpu.device().expect("opens");
    device.loss.record("elsewhere".to_owned());
    assert_eq!(device.wait(|| false, TIMEOUT_FIRST), Err(Lost("elsewhere".to_owned())));
}

#[test]
fn an_answer_of_an_earlier_batch_is_not_believed() {
    let _quiet = quiet();
    let Some(gpu) = UNCHECKED.as_deref() else { return };
    let device = gpu.device().expect("opens");
    let stamps: std::collections::HashSet<_> = (0..1_000).map(|_| device.stamp()).collect();
    assert_eq!(stamps.len(), 1_000);
    assert!(stamps.iter().all(|stamp| stamp & 0xff == 0 && *stamp != 0));
}

/// Holds all other tests off while faults are armed, and disarms them.
pub(super) struct Alone(#[expect(dead_code, reason = "held")] std::sync::RwLockWriteGuard<'static, ()>);

impl Alone {
    pub(super) fn new() -> Self {
        Self(FAULTS.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        inject::disarm();
    }
}

#[test]
fn a_lost_hung_or_lying_device_is_a_fault_and_comes_back() {
    let _alone = Alone::new();
    let settings = GpuSettings { timeout: Some(Duration::from_secs(3)), ..GpuSettings::default() };
    let Some(gpu) = devices(GpuChoice::Software, settings).into_iter().next() else { return };
    let bundle = messages(Row::Sha256, 500, |item| item);
    let expected = compute(&Reference::new(), &bundle, 0..500).expect("computes");
    for fault in inject::Injected::ALL {
        // The kernel's first batch may take long, and is no fault: the pace of a busy machine is not tested here.
        assert_eq!(gpu.results(&bundle).as_ref(), Ok(&expected), "before {fault:?}");
        inject::arm(fault, 1);
        let failed = compute(&*gpu, &bundle, 0..500).expect_err("a fault");
        assert!(matches!(failed, Fault::Lost(_) | Fault::Wrong(_)), "{fault:?}: {failed}");
        assert_eq!(inject::left(), 0);
        assert!(gpu.note().is_some_and(|note| note.contains("last fault")), "{:?}", gpu.note());
        assert_eq!(gpu.results(&bundle).as_ref(), Ok(&expected), "after {fault:?}");
    }
}

#[test]
fn threads_share_a_device_and_none_sees_anothers_answers() {
    let _quiet = quiet();
    let Some(gpu) = UNCHECKED.as_deref() else { return };
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            scope.spawn(move || {
                let bundle = messages(Row::Keccak256, 300 + thread, |item| item + 100 * thread);
                let range = 0..bundle.items();
                let expected = compute(&Reference::new(), &bundle, range.clone()).expect("computes");
                for _ in 0..8 {
                    assert_eq!(compute(gpu, &bundle, range.clone()).expect("computes"), expected);
                }
            });
        }
    });
}
