// The first passes of a short Weierstrass kernel: each item's point and numbers checked, the odd multiples 1P, 3P .. 15P of its
// point, one inversion for sixteen items, and the multiples in affine coordinates.
//
// An item that is refused gets its verdict at once and goes on with the base and with ones, so that nothing it holds reaches
// its neighbours through the shared inversion.
//
// The kernel's own text says what the point is, what is checked, what is inverted and which scalars are multiplied:
// `item_point`, `item_failure`, `item_divisor`, `item_scalars`.

@group(0) @binding(8) var<storage, read_write> scratch_b: array<vec4<u32>>;

// Places in scratch_a.
const AT_STATUS: u32 = 0u;
// The number inverted mod the order, and the product of the table's Z; both replaced by their inverses.
const AT_DIVISOR: u32 = 1u;
const AT_TABLE_Z: u32 = 10u;
// Running products of the inversion.
const AT_PRODUCT: u32 = 19u;
// Places 19 to 44 are the loop's, once the inversion is done.
// The sum, where the divisor and the table's Z were.
const AT_SUM_X: u32 = 1u;
const AT_SUM_Z: u32 = 10u;
// What a rule keeps from its hash for later, until the sum's Y takes its place.
const AT_KEPT: u32 = 45u;
const AT_SUM_Y: u32 = 45u;

// Of AT_STATUS: nothing decided yet, the verdict is written, the sum has to be computed by complete formulas.
const GOES_ON: u32 = 0u;
const DECIDED: u32 = 1u;
const NEEDS_COMPLETE: u32 = 2u;

// Odd multiples of a point: entries of seven vectors (x, y, then H of its addition or what the loop keeps there, a word unused).
const ENTRIES: u32 = 8u;
const ENTRY_VECTORS: u32 = 7u;

// A point and whether there is one.
struct MaybePoint {
    point: Affine,
    is_there: bool,
}

struct Scalars {
    base: U256,
    point: U256,
}

fn words_at(first: vec4<u32>, second: vec4<u32>) -> U256 {
    return u256_big_endian(U256(first, second));
}

// A number from 1 to n - 1.
fn is_scalar(a: U256) -> bool {
    return !u256_is_zero(a) && u256_below(a, sc_PRIME);
}

// The point with this x whose y has this parity.
fn point_of_x(x: U256, parity: u32) -> MaybePoint {
    let fx = fe_enter(x);
    let right = curve_right_side(fx);
    let root = fe_root(right);
    let is_there = u256_below(x, fe_PRIME) && fe_is_zero(fe_sub(fe_sqr(root), right));
    let odd = fe_leave(root).lo.x & 1u;
    let y = fe_select(root, fe_carry(fe_sub(fe_ZERO, root)), odd != parity);
    return MaybePoint(Affine(fx, y), is_there);
}

// The point of SEC 1 v2, section 2.3.4: form 2 and 3 x alone, 4 x and y, 6 and 7 x and y with its parity (X9.62, 4.3.6).
fn point_of_key(form: u32, x: U256, y: U256) -> MaybePoint {
    let compressed = form < 4u;
    let fx = fe_enter(x);
    let right = curve_right_side(fx);
    var fy = fe_enter(y);
    if (compressed) {
        fy = fe_root(right);
    }
    let on_curve = fe_is_zero(fe_sub(fe_sqr(fy), right));
    let plain = fe_leave(fy);
    let odd = plain.lo.x & 1u;
    var is_there = on_curve && u256_below(x, fe_PRIME);
    if (compressed) {
        // Nothing may stand behind x, so that a key has one column.
        is_there = is_there && u256_is_zero(y);
        fy = fe_select(fy, fe_carry(fe_sub(fe_ZERO, fy)), odd != (form & 1u));
    } else {
        is_there = is_there && u256_below(y, fe_PRIME) && (form == 4u || odd == (form & 1u));
    }
    return MaybePoint(Affine(fx, fy), is_there);
}

fn store_entry(item: u32, entry: u32, x: Fe, y: Fe, h: Fe) {
    let at = (item * ENTRIES + entry) * ENTRY_VECTORS;
    scratch_b[at] = vec4<u32>(x.l0, x.l1, x.l2, x.l3);
    scratch_b[at + 1u] = vec4<u32>(x.l4, x.l5, x.l6, x.l7);
    scratch_b[at + 2u] = vec4<u32>(x.l8, y.l0, y.l1, y.l2);
    scratch_b[at + 3u] = vec4<u32>(y.l3, y.l4, y.l5, y.l6);
    scratch_b[at + 4u] = vec4<u32>(y.l7, y.l8, h.l0, h.l1);
    scratch_b[at + 5u] = vec4<u32>(h.l2, h.l3, h.l4, h.l5);
    scratch_b[at + 6u] = vec4<u32>(h.l6, h.l7, h.l8, 0u);
}

fn affine_of(a: vec4<u32>, b: vec4<u32>, c: vec4<u32>, d: vec4<u32>, e: vec4<u32>) -> Affine {
    return Affine(
        Fe(a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w, c.x),
        Fe(c.y, c.z, c.w, d.x, d.y, d.z, d.w, e.x, e.y),
    );
}

fn load_entry(item: u32, entry: u32) -> Affine {
    let at = (item * ENTRIES + entry) * ENTRY_VECTORS;
    return affine_of(scratch_b[at], scratch_b[at + 1u], scratch_b[at + 2u], scratch_b[at + 3u], scratch_b[at + 4u]);
}

fn third_of(a: vec4<u32>, b: vec4<u32>, c: vec4<u32>) -> Fe {
    return Fe(a.z, a.w, b.x, b.y, b.z, b.w, c.x, c.y, c.z);
}

fn load_entry_third(item: u32, entry: u32) -> Fe {
    let at = (item * ENTRIES + entry) * ENTRY_VECTORS;
    return third_of(scratch_b[at + 4u], scratch_b[at + 5u], scratch_b[at + 6u]);
}

@compute @workgroup_size(64)
fn prepare(@builtin(global_invocation_id) id: vec3<u32>) {
    let item = id.x;
    if (item >= parameters.items) {
        return;
    }
    let found = item_point(item);
    var failure = item_failure(item, found.is_there);
    if (is_refused(item)) {
        failure = refusal(item);
    }
    if (failure != 0u) {
        verdict(item, failure);
    }
    let decided = failure != 0u;
    store_word(item, AT_STATUS, select(GOES_ON, DECIDED, decided));
    store_fe(item, AT_DIVISOR, fe_select(item_divisor(item), sc_ONE, decided));
    let point = Affine(fe_select(found.point.x, BASE_X, decided), fe_select(found.point.y, BASE_Y, decided));

    // On the isomorphic curve where 2P has Z = 1: (x, y) there is (x Z^2, y Z^3). Adding does not look at the curve's numbers.
    let twice = point_double(Point(point.x, point.y, fe_ONE));
    let zz = fe_sqr(twice.z);
    var sum = Point(fe_mul(point.x, zz), fe_mul(point.y, fe_mul(zz, twice.z)), fe_ONE);
    store_entry(item, 0u, point.x, point.y, fe_ONE);
    for (var entry = 1u; entry < ENTRIES; entry += 1u) {
        let next = point_add_affine(sum, Affine(twice.x, twice.y));
        store_entry(item, entry, next.x, next.y, next.h);
        sum = Point(next.x, next.y, next.z);
    }
    store_fe(item, AT_TABLE_Z, fe_mul(sum.z, twice.z));
}

@compute @workgroup_size(64)
fn invert(@builtin(global_invocation_id) id: vec3<u32>) {
    let threads = (parameters.items + 15u) >> 4u;
    if (id.x >= threads) {
        return;
    }
    sc_invert(id.x, threads, AT_DIVISOR);
    fe_invert(id.x, threads, AT_TABLE_Z);
}

// The same where the rule divides by nothing.
@compute @workgroup_size(64)
fn invert_table(@builtin(global_invocation_id) id: vec3<u32>) {
    let threads = (parameters.items + 15u) >> 4u;
    if (id.x >= threads) {
        return;
    }
    fe_invert(id.x, threads, AT_TABLE_Z);
}

// What the loop leaves: Z is zero if an addition met equal or opposite points, once and for all.
fn store_sum(item: u32, sum: Point) {
    if (fe_is_zero(sum.z)) {
        store_word(item, AT_STATUS, NEEDS_COMPLETE);
        store_fe(item, AT_SUM_Z, fe_ONE);
        return;
    }
    store_fe(item, AT_SUM_X, sum.x);
    store_fe(item, AT_SUM_Z, sum.z);
    store_sum_y(item, sum.y);
}
