// The last passes of a kernel that looks at the sum's y too: one inversion for sixteen items, then the rule's conclusion; and the
// items that need complete formulas, each by itself.

fn store_sum_y(item: u32, y: Fe) {
    store_fe(item, AT_SUM_Y, y);
}

@compute @workgroup_size(64)
fn invert_sum(@builtin(global_invocation_id) id: vec3<u32>) {
    let threads = (parameters.items + 15u) >> 4u;
    if (id.x >= threads) {
        return;
    }
    fe_invert(id.x, threads, AT_SUM_Z);
}

@compute @workgroup_size(64)
fn finish(@builtin(global_invocation_id) id: vec3<u32>) {
    let item = id.x;
    if (item >= parameters.items || load_word(item, AT_STATUS) != GOES_ON) {
        return;
    }
    let inverse = load_fe(item, AT_SUM_Z);
    let square = fe_sqr(inverse);
    let y = fe_mul(load_fe(item, AT_SUM_Y), fe_mul(square, inverse));
    conclude(item, fe_leave(fe_mul(load_fe(item, AT_SUM_X), square)), fe_leave(y));
}

@compute @workgroup_size(64)
fn complete(@builtin(global_invocation_id) id: vec3<u32>) {
    let item = id.x;
    if (item >= parameters.items || load_word(item, AT_STATUS) != NEEDS_COMPLETE) {
        return;
    }
    let sum = complete_sum(item);
    if (fe_is_zero(sum.z)) {
        // Infinity.
        verdict(item, INVALID_EQUATION);
        return;
    }
    let inverse = fe_inverse(sum.z);
    conclude(item, fe_leave(fe_mul(sum.x, inverse)), fe_leave(fe_mul(sum.y, inverse)));
}
