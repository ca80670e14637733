//! The golden frames that do not decode: a good frame with one defect each, and the status a decoder must find.

use assay_scheme::Row;
use assay_scheme::limits::{BODY_BYTES_MAX, ITEMS_MAX};
use assay_wire::codec::encode_reply;
use assay_wire::limits::{MESSAGE_BYTES_MAX, PARAMETERS_BYTES_MAX, TRAILER_BYTES_MAX};
use assay_wire::status::Status;

use crate::cases;

/// A frame with one defect.
pub(crate) struct Malformed {
    pub(crate) file: String,
    pub(crate) shows: &'static str,
    pub(crate) status: Status,
    pub(crate) bytes: Vec<u8>,
}

/// Bytes to write over a good frame: where, and what.
type Patch<'a> = (usize, &'a [u8]);

fn request(file: &str) -> Vec<u8> {
    let mut found = cases::frames().into_iter().filter(|(name, ..)| *name == file);
    found.next().unwrap_or_else(|| panic!("no golden frame {file}")).2
}

fn spoil(what: &str, base: &str, status: Status, shows: &'static str, patches: &[Patch<'_>]) -> Malformed {
    let mut bytes = request(base);
    for (at, patch) in patches {
        bytes[*at..*at + patch.len()].copy_from_slice(patch);
    }
    Malformed { file: format!("bad-{what}"), shows, status, bytes }
}

fn resize(what: &str, base: &str, status: Status, shows: &'static str, change: isize) -> Malformed {
    let mut bytes = request(base);
    bytes.resize(bytes.len().checked_add_signed(change).expect("a length"), 0);
    Malformed { file: format!("bad-{what}"), shows, status, bytes }
}

/// One item of sha256, "abc": header, form column, offsets, arena.
const ONE: &str = "request-sha256-one";
/// Three Ed25519 items: forms at 64, keys at 72, signatures at 168, offsets at 360, arena at 376.
const ED25519: &str = "request-ed25519-variable";
/// BLS in groups: forms at 64, groups at 72.
const BLS: &str = "request-bls-aggregate";
/// SM2 with a user id of 18 bytes: parameters at 64, forms at 88.
const SM2: &str = "request-sm2-za-user-id";

/// Every malformed golden frame.
pub(crate) fn all() -> Vec<Malformed> {
    [headers(), more_headers(), bodies(), parameters(), ballots(), replies()].into_iter().flatten().collect()
}

fn headers() -> Vec<Malformed> {
    let items = (ITEMS_MAX + 1).to_le_bytes();
    let body = (u64::from(BODY_BYTES_MAX) + 8).to_le_bytes();
    let params = (PARAMETERS_BYTES_MAX + 8).to_le_bytes();
    vec![
        spoil("magic", ONE, Status::BadMagic, "a reply's magic", &[(0, b"ASAR")]),
        spoil("header-length", ONE, Status::HeaderLength, "a header of 72 bytes", &[(4, &[72])]),
        resize("truncated-header", ONE, Status::Truncated, "the stream ends in the header", -25),
        resize("truncated-body", ONE, Status::Truncated, "the stream ends in the body", -1),
        resize("trailing-byte", ONE, Status::TrailingBytes, "a byte behind the frame", 1),
        spoil("params-misaligned", SM2, Status::Misaligned, "a params_len of 22", &[(20, &[22])]),
        spoil("body-misaligned", ONE, Status::Misaligned, "a body_len of 17", &[(32, &[17])]),
        spoil("reserved", ONE, Status::NotZero, "a reserved byte of the header", &[(63, &[1])]),
        spoil("no-items", ONE, Status::NoItems, "no items", &[(16, &[0])]),
        spoil("too-many-items", ONE, Status::TooManyItems, "65,537 items", &[(16, &items)]),
        spoil("body-too-large", ONE, Status::TooLarge, "a body_len of 16 MiB and 8", &[(32, &body)]),
        spoil("params-too-large", ONE, Status::TooLarge, "a params_len of 16 KiB and 8", &[(20, &params)]),
        spoil("priority", ONE, Status::BadPriority, "priority 4", &[(11, &[4])]),
    ]
}

fn more_headers() -> Vec<Malformed> {
    let row = Row::MlDsa65.id().to_le_bytes();
    vec![
        spoil("flag", ONE, Status::UnknownFlag, "bit 31 of the flags", &[(15, &[0x80])]),
        spoil("kind-zero", ONE, Status::UnknownKind, "kind 0", &[(6, &[0])]),
        spoil("kind", ONE, Status::UnknownKind, "kind 0x0103", &[(7, &[1])]),
        spoil("quorum-row", ONE, Status::UnknownRow, "a quorum of digests", &[(6, &[6])]),
        spoil("quorum-grouped", BLS, Status::UnknownRow, "a quorum of aggregates, which are no votes", &[(6, &[6])]),
        spoil("preload-row", ONE, Status::UnknownRow, "a preload of a row without keys", &[(6, &[7])]),
        spoil("row", ONE, Status::UnknownRow, "row 0x03ff", &[(8, &[0xff])]),
        spoil("row-of-another-kind", ONE, Status::UnknownRow, "a digest under ml-dsa-65", &[(8, &row)]),
        spoil("hash", ONE, Status::UnknownHash, "hash 200", &[(10, &[200])]),
        spoil("hash-not-taken", ONE, Status::UnknownHash, "sha256 under a row that hashes on its own", &[(10, &[1])]),
        spoil("hash-missing", "request-merkle-rfc6962", Status::UnknownHash, "a tree without its hash", &[(10, &[0])]),
        spoil(
            "hash-not-allowed",
            "request-merkle-rfc6962",
            Status::UnknownHash,
            "merkle-flat over keccak256",
            &[(8, &[5]), (10, &[4])],
        ),
        spoil("status-row", "request-status", Status::NotZero, "a status request with a row", &[(8, &[1])]),
        spoil("status-items", "request-status", Status::NotZero, "a status request with an item", &[(16, &[1])]),
        resize("status-body", "request-status", Status::TrailingBytes, "a status request with a body", 8),
        // The order of checks: of two defects the first counts.
        spoil(
            "two-defects",
            ONE,
            Status::UnknownKind,
            "kind 9 and no items: the kind is read first",
            &[(6, &[9]), (16, &[0])],
        ),
    ]
}

fn bodies() -> Vec<Malformed> {
    vec![
        spoil("padding-forms", ONE, Status::NotZero, "a padding byte behind the forms", &[(65, &[1])]),
        spoil("padding-messages", ONE, Status::NotZero, "a padding byte behind the messages", &[(79, &[1])]),
        spoil("offset-first", ED25519, Status::BadOffsets, "a first offset of 1", &[(360, &[1])]),
        spoil("offset-descends", ED25519, Status::BadOffsets, "the second offset above the third", &[(364, &[9])]),
        spoil("offset-last", ED25519, Status::Truncated, "a last offset beyond the body", &[(372, &[200])]),
        spoil(
            "offset-short",
            ED25519,
            Status::TrailingBytes,
            "a last offset a column short of the body",
            &[(372, &[16])],
        ),
        spoil("group-descends", BLS, Status::BadOffsets, "groups that descend", &[(76, &[3])]),
        spoil("group-huge", BLS, Status::Truncated, "a group of 4,294,967,295 entries", &[(84, &[0xff; 4])]),
        spoil("stride-huge", "request-blake3-fixed", Status::Truncated, "messages of 4 GiB", &[(28, &[0xff; 4])]),
        spoil("stride-short", "request-blake3-fixed", Status::TrailingBytes, "messages of 16 bytes", &[(28, &[16])]),
        spoil("form", ED25519, Status::BadForm, "a SEC1 tag under a row without forms", &[(64, &[2])]),
        spoil(
            "form-hybrid",
            "request-ecdsa-p256-low-s-digest",
            Status::BadForm,
            "a hybrid key under a row that has none",
            &[(64, &[6])],
        ),
        spoil(
            "form-refused-equation",
            ED25519,
            Status::BadForm,
            "an encoder cannot refuse the equation",
            &[(64, &[0x82])],
        ),
    ]
}

fn parameters() -> Vec<Malformed> {
    let parameter = |what, status, shows, patches: &[Patch<'_>]| spoil(what, SM2, status, shows, patches);
    let address = "request-recover-address";
    vec![
        parameter("parameter-length", Status::BadParameter, "longer than the region", &[(66, &[21])]),
        parameter("parameter-order", Status::BadParameter, "tags that descend", &[(64, &[2, 0, 1, 0, 9, 1, 0, 14, 0])]),
        parameter("parameter-twice", Status::BadParameter, "a user id given twice", &[(64, &[1, 0, 1, 0, 9, 1, 0])]),
        spoil(
            "parameter-padding",
            "request-sm2-za-empty-user-id",
            Status::NotZero,
            "a padding byte behind the parameters",
            &[(71, &[1])],
        ),
        parameter("parameter-much-padding", Status::BadParameter, "8 bytes of padding", &[(66, &[12]), (80, &[0; 8])]),
        parameter("parameter-tag", Status::UnknownParameter, "tag 999", &[(64, &999_u16.to_le_bytes())]),
        parameter("parameter-receipt", Status::UnknownParameter, "a reserved tag", &[(64, &[4])]),
        parameter("parameter-not-taken", Status::UnknownParameter, "a context for sm2-za", &[(64, &[2])]),
        parameter("user-id-not-taken", Status::UnknownParameter, "a user id for sm2-e", &[(8, &[0x0a])]),
        spoil("output-default", address, Status::BadParameter, "the first output form, said", &[(68, &[0])]),
        spoil("output", address, Status::UnknownParameter, "output form 2", &[(68, &[2])]),
        spoil("output-not-taken", ONE, Status::UnknownParameter, "sha256's address", &[])
            .with_parameter(&[3, 0, 1, 0, 1]),
        spoil("context-empty", ONE, Status::BadParameter, "a context of no bytes", &[]).with_parameter(&[2, 0, 0, 0]),
        long_user_id(),
    ]
}

/// An Ed25519 quorum: terms at 64 (total at 68, numerator at 76, denominator at 84, the flags at 92), powers at 96, forms
/// at 120. A preload of P-256 keys: forms at 64, keys at 72.
fn ballots() -> Vec<Malformed> {
    let quorum =
        |what, status, shows, patches: &[Patch<'_>]| spoil(what, "request-quorum-ed25519", status, shows, patches);
    let preload =
        |what, status, shows, patches: &[Patch<'_>]| spoil(what, "request-preload-p256", status, shows, patches);
    vec![
        quorum("quorum-flag", Status::BadParameter, "terms whose last byte is 2", &[(93, &[2])]),
        quorum("quorum-denominator", Status::BadParameter, "a denominator of 0", &[(84, &[0])]),
        quorum("quorum-fraction", Status::BadParameter, "a fraction of 4/3", &[(76, &[4])]),
        quorum("quorum-total", Status::BadParameter, "powers that add up to more than the total", &[(70, &[0])]),
        quorum("quorum-terms-short", Status::BadParameter, "terms of 25 bytes", &[(66, &[25]), (93, &[0])]),
        quorum("quorum-powers-many", Status::Truncated, "powers for 65,536 votes", &[(16, &[0, 0, 1])]),
        quorum("quorum-padding", Status::NotZero, "a padding byte behind the forms", &[(124, &[1])]),
        // The total, a multiple of 8 bytes behind, is not a user id.
        quorum("terms-not-taken", Status::UnknownParameter, "terms for a verify request", &[(6, &[1])]),
        spoil("terms-missing", ED25519, Status::BadParameter, "a quorum without terms", &[(6, &[6])]),
        preload("preload-hash", Status::UnknownHash, "keys with a message hash", &[(10, &[1])]),
        preload("preload-stride", Status::NotZero, "keys with a message stride", &[(28, &[8])]),
        preload("preload-form", Status::BadForm, "a hybrid key for a row that has none", &[(64, &[6])]),
        preload("preload-count", Status::TrailingBytes, "fewer keys than there are", &[(16, &[2]), (66, &[0])]),
        spoil("preload-parameter", "request-preload-none", Status::UnknownParameter, "keys with a user id", &[])
            .with_parameter(&[1, 0, 0, 0]),
    ]
}

impl Malformed {
    /// The same frame, which has no parameters, with these 8 bytes or fewer of them.
    fn with_parameter(mut self, tagged: &[u8]) -> Self {
        let mut region = [0; 8];
        region[..tagged.len()].copy_from_slice(tagged);
        self.bytes[20] = 8;
        self.bytes.splice(64..64, region);
        self
    }
}

/// 8,192 bytes: one more than the length field of Z_A can say.
fn long_user_id() -> Malformed {
    let mut bytes = request("request-sm2-za-default-user-id");
    let mut region = [1, 0, 0, 0x20].to_vec();
    region.resize(4 + 8_192, b'x');
    region.resize(region.len().next_multiple_of(8), 0);
    bytes[20..24].copy_from_slice(&(region.len() as u32).to_le_bytes());
    bytes.splice(64..64, region);
    Malformed {
        file: "bad-user-id-long".into(),
        shows: "a user id of 8,192 bytes",
        status: Status::BadParameter,
        bytes,
    }
}

fn replies() -> Vec<Malformed> {
    let busy = "reply-busy";
    let trailer = (TRAILER_BYTES_MAX + 8).to_le_bytes();
    let mut message = cases::replies().into_iter().find(|case| case.file == busy).expect("the case").reply;
    message.message = "x".repeat(MESSAGE_BYTES_MAX);
    let mut bytes = encode_reply(&message);
    bytes[66..68].copy_from_slice(&(MESSAGE_BYTES_MAX as u16 + 1).to_le_bytes());
    bytes[64 + 4 + MESSAGE_BYTES_MAX] = b'x';
    let long = Malformed {
        file: "bad-reply-message-long".into(),
        shows: "a message of 1,025 bytes",
        status: Status::BadParameter,
        bytes,
    };
    vec![
        spoil("reply-magic", busy, Status::BadMagic, "a request's magic", &[(0, b"ASAY")]),
        spoil("reply-header-length", busy, Status::HeaderLength, "a header of 0 bytes", &[(4, &[0])]),
        resize("reply-truncated", busy, Status::Truncated, "the stream ends in the trailer", -1),
        resize("reply-trailing", busy, Status::TrailingBytes, "bytes behind the trailer", 8),
        spoil("reply-reserved", busy, Status::NotZero, "a reserved byte", &[(60, &[1])]),
        spoil("reply-refusal-items", "reply-verdicts", Status::NotZero, "items under a refusal", &[(6, &[100])]),
        spoil("reply-padding", "reply-verdicts", Status::NotZero, "a padding byte behind the verdicts", &[(70, &[1])]),
        spoil("reply-items", "reply-verdicts", Status::TooManyItems, "4 billion items", &[(16, &[0xff; 4])]),
        spoil("reply-width", "reply-digests", Status::TooLarge, "values of 65 bytes", &[(12, &[65])]),
        spoil("reply-body-short", "reply-digests", Status::Truncated, "a body_len for fewer values", &[(32, &[72])]),
        spoil("reply-body-long", "reply-verdicts", Status::TrailingBytes, "a body_len of 16", &[(32, &[16])]),
        spoil("reply-trailer-large", busy, Status::TooLarge, "a trailer of 96 KiB and 8", &[(56, &trailer)]),
        spoil("reply-trailer-misaligned", busy, Status::Misaligned, "a trailer_len of 41", &[(56, &[41])]),
        spoil("reply-message-utf8", busy, Status::BadParameter, "a message that is not UTF-8", &[(70, &[0xff])]),
        spoil("reply-tally-zero", "reply-quorum", Status::BadParameter, "an outcome of 0", &[(84, &[0])]),
        spoil(
            "reply-tally-place",
            "reply-quorum",
            Status::BadParameter,
            "a place where no vote decided",
            &[(85, &[1])],
        ),
        spoil("reply-tables", "reply-preload", Status::BadParameter, "bytes of tables in 7 bytes", &[(74, &[7])]),
        spoil("reply-counts", "reply-digests", Status::BadParameter, "counts of 11 bytes", &[(170, &[11])]),
        long,
    ]
}
