// The last passes of a kernel that looks only at x: verdicts from Jacobian sums, then those that need complete formulas.

fn store_sum_y(item: u32, y: Fe) {
}

@compute @workgroup_size(64)
fn finish(@builtin(global_invocation_id) id: vec3<u32>) {
    let item = id.x;
    if (item >= parameters.items || load_word(item, AT_STATUS) != GOES_ON) {
        return;
    }
    conclude(item, load_fe(item, AT_SUM_X), fe_sqr(load_fe(item, AT_SUM_Z)));
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
    conclude(item, sum.x, sum.z);
}
